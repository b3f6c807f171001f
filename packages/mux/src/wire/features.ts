/** Bit 0 of SETTINGS' features: REASON frames are understood. */
export const FEATURE_REASON = 1;
