export { type WeightedMeanState, weightedMean } from './weighted-mean.ts';
