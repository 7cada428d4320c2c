/** What each reason means, in the runtime's own words: the page has no second set. */
export { REASONS } from '@ganglion/core';
