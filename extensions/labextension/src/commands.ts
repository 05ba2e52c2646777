/** Names of the commands, as the menus, the toolbar and the palette call them. */
export const PROMOTE = 'nacelle:promote';
export const EDIT = 'nacelle:edit-job';
export const SHOW_JOBS = 'nacelle:show-jobs';
