;; The kernels of `Kernels` (core's port), with SIMD: two rows a vector, so each row's sum keeps the order that the
;; contract gives it, and every result has the bits of the plain TypeScript. Nothing is fused or relaxed.
;;
;; Assembled by `node build.mjs` into `bytes.ts`; a test looks whether these still agree.
;;
;; The memory, which kernels.ts lays out:
;;      0  f64 × 256   x without its zeros
;;   2048  i32 × 256   the column of each
;;   4096  f64 × 1024  sums
;;  12288  tables, in blocks of eight rows: column by column, the eight rows of one side by side (64 bytes)
(module
  (import "ganglion" "memory" (memory 1))

  ;; Eight rows from $block on, times the first $used columns that x has: left in $a … $d, two rows each.
  ;; It is written out in both functions below, for a call and its four results would cost as much as it does.

  ;; sums[…] = the products of $blocks blocks (≥ 1), each $stride bytes long, with x, which has $used numbers.
  (func (export "multiply") (param $block i32) (param $blocks i32) (param $stride i32) (param $used i32)
    (local $sum i32) (local $k i32) (local $end i32) (local $p i32)
    (local $x v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $sum (i32.const 4096))
    (local.set $end (i32.shl (local.get $used) (i32.const 3)))
    (loop $next_block
      (local.set $a (v128.const f64x2 0 0))
      (local.set $b (v128.const f64x2 0 0))
      (local.set $c (v128.const f64x2 0 0))
      (local.set $d (v128.const f64x2 0 0))
      ;; $k is where the number of x stands; its column stands at 2048 + $k / 2.
      (local.set $k (i32.const 0))
      (block $done
        (br_if $done (i32.eqz (local.get $used)))
        (loop $next_column
          (local.set $p (i32.add (local.get $block) (i32.shl
            (i32.load offset=2048 (i32.shr_u (local.get $k) (i32.const 1))) (i32.const 6))))
          (local.set $x (v128.load64_splat (local.get $k)))
          (local.set $a (f64x2.add (local.get $a) (f64x2.mul (local.get $x) (v128.load (local.get $p)))))
          (local.set $b (f64x2.add (local.get $b) (f64x2.mul (local.get $x) (v128.load offset=16 (local.get $p)))))
          (local.set $c (f64x2.add (local.get $c) (f64x2.mul (local.get $x) (v128.load offset=32 (local.get $p)))))
          (local.set $d (f64x2.add (local.get $d) (f64x2.mul (local.get $x) (v128.load offset=48 (local.get $p)))))
          (local.set $k (i32.add (local.get $k) (i32.const 8)))
          (br_if $next_column (i32.lt_u (local.get $k) (local.get $end)))))
      (v128.store (local.get $sum) (local.get $a))
      (v128.store offset=16 (local.get $sum) (local.get $b))
      (v128.store offset=32 (local.get $sum) (local.get $c))
      (v128.store offset=48 (local.get $sum) (local.get $d))
      (local.set $sum (i32.add (local.get $sum) (i32.const 64)))
      (local.set $block (i32.add (local.get $block) (local.get $stride)))
      (local.set $blocks (i32.sub (local.get $blocks) (i32.const 1)))
      (br_if $next_block (local.get $blocks))))

  ;; |T x|² of a lower triangle of $blocks blocks (≥ 1), the first of 8 columns, each of 8 more than the one before.
  (func (export "squared_length") (param $block i32) (param $blocks i32) (param $used i32) (result f64)
    (local $k i32) (local $end i32) (local $p i32) (local $columns i32) (local $column i32)
    (local $x v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $aa v128) (local $bb v128) (local $cc v128) (local $dd v128)
    (local.set $end (i32.shl (local.get $used) (i32.const 3)))
    (local.set $columns (i32.const 8))
    (loop $next_block
      (local.set $a (v128.const f64x2 0 0))
      (local.set $b (v128.const f64x2 0 0))
      (local.set $c (v128.const f64x2 0 0))
      (local.set $d (v128.const f64x2 0 0))
      (local.set $k (i32.const 0))
      (block $done
        (loop $next_column
          (br_if $done (i32.ge_u (local.get $k) (local.get $end)))
          (local.set $column (i32.load offset=2048 (i32.shr_u (local.get $k) (i32.const 1))))
          (br_if $done (i32.ge_u (local.get $column) (local.get $columns)))
          (local.set $p (i32.add (local.get $block) (i32.shl (local.get $column) (i32.const 6))))
          (local.set $x (v128.load64_splat (local.get $k)))
          (local.set $a (f64x2.add (local.get $a) (f64x2.mul (local.get $x) (v128.load (local.get $p)))))
          (local.set $b (f64x2.add (local.get $b) (f64x2.mul (local.get $x) (v128.load offset=16 (local.get $p)))))
          (local.set $c (f64x2.add (local.get $c) (f64x2.mul (local.get $x) (v128.load offset=32 (local.get $p)))))
          (local.set $d (f64x2.add (local.get $d) (f64x2.mul (local.get $x) (v128.load offset=48 (local.get $p)))))
          (local.set $k (i32.add (local.get $k) (i32.const 8)))
          (br $next_column)))
      (local.set $aa (f64x2.add (local.get $aa) (f64x2.mul (local.get $a) (local.get $a))))
      (local.set $bb (f64x2.add (local.get $bb) (f64x2.mul (local.get $b) (local.get $b))))
      (local.set $cc (f64x2.add (local.get $cc) (f64x2.mul (local.get $c) (local.get $c))))
      (local.set $dd (f64x2.add (local.get $dd) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $block (i32.add (local.get $block) (i32.shl (local.get $columns) (i32.const 6))))
      (local.set $columns (i32.add (local.get $columns) (i32.const 8)))
      (local.set $blocks (i32.sub (local.get $blocks) (i32.const 1)))
      (br_if $next_block (local.get $blocks)))
    (local.set $aa (f64x2.add
      (f64x2.add (local.get $aa) (local.get $bb)) (f64x2.add (local.get $cc) (local.get $dd))))
    (f64.add (f64x2.extract_lane 0 (local.get $aa)) (f64x2.extract_lane 1 (local.get $aa))))
)
