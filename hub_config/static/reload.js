// A page that waits for the hub to finish something looks again every two seconds.
"use strict";

setTimeout(() => window.location.reload(), 2000);
