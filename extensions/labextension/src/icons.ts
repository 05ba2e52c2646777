/** The platform's mark in one colour, as Lab's icons are. */
import { LabIcon } from '@jupyterlab/ui-components';

// A basket under a line of rope.
const JOBS = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 32 32">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M8 17h16l-2 10a2 2 0 0 1-2 1.6h-8a2 2 0 0 1-2-1.600z"/>
    <path d="M2 4.200c6 3.200 9-3.200 14 0s8-3.200 14 0l-1.200 2c-5.400-2.600-8.400 2.800-12.800 0s-7.400 2.600-12.800 0z"/>
    <path d="M7 7h2.200l3 10h-2.200zM22.800 7h2.200l-3 10h-2.200z"/>
  </g>
</svg>`;

// The basket with an arrow upwards.
const PROMOTE = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 32 32">
  <g class="jp-icon3" fill="#616161">
    <path d="M7 18h18l-2.200 10a2 2 0 0 1-2 1.600h-9.600a2 2 0 0 1-2-1.600z"/>
    <path d="M16 2l7 7.500h-4.800v7h-4.400v-7H9z"/>
  </g>
</svg>`;

export const jobsIcon = new LabIcon({ name: 'nacelle:jobs', svgstr: JOBS });
export const promoteIcon = new LabIcon({ name: 'nacelle:promote', svgstr: PROMOTE });
