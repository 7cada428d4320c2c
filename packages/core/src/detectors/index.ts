export { type CusumOptions, type CusumState, cusum, cusumRunLength } from './cusum.ts';
