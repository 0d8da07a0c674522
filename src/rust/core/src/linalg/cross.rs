//! Weighted sums of cross products `sum_j q_j x_j x_j'`, with vectors `x_j` in lanes.
//!
//! Vectors are packed by row blocks: for each block of four rows, for each group of `N` vectors, four
//! entries. Sums are by lanes, laid out as in `blocks`.

use super::blocks::add_product;
use super::lanes::Lanes;

/// Vectors in lanes: `groups` groups of `N`, rows padded with zeros to whole blocks of four.
#[derive(Debug, Default, Clone)]
pub struct Packed<V> {
    /// The entries: `[row block][group][4]`.
    pub values: Vec<V>,
    /// The number of groups of `N` vectors.
    pub groups: usize,
}

impl<V: Lanes> Packed<V> {
    /// No vector yet.
    pub fn new() -> Self {
        Self { values: Vec::new(), groups: 0 }
    }

    /// Make room for `groups` groups of vectors of `np` padded rows.
    #[inline(always)]
    pub fn resize(&mut self, np: usize, groups: usize) {
        self.groups = groups;
        self.values.clear();
        self.values.resize(np * groups, V::splat(0.0));
    }

    /// Where row `i` of group `g` is.
    #[inline(always)]
    pub fn at(&self, i: usize, g: usize) -> usize {
        (i / 4 * self.groups + g) * 4 + i % 4
    }
}

/// `weighted = q x`, and `sum += q x` by rows.
#[inline(always)]
pub fn weigh<V: Lanes>(x: &Packed<V>, q: &[V], weighted: &mut Packed<V>, sum: &mut [V]) {
    weighted.groups = x.groups;
    weighted.values.resize(x.values.len(), V::splat(0.0));
    let length = (4 * x.groups).max(1);
    let blocks = x.values.chunks_exact(length).zip(weighted.values.chunks_exact_mut(length));
    for ((x, out), sum) in blocks.zip(sum.chunks_exact_mut(4)) {
        for ((x, out), &q) in x.chunks_exact(4).zip(out.chunks_exact_mut(4)).zip(q) {
            for i in 0..4 {
                out[i] = x[i] * q;
                sum[i] = sum[i] + out[i];
            }
        }
    }
}

/// `sum += weighted x'`, the lower triangle.
#[inline(always)]
pub fn add_products<V: Lanes>(x: &Packed<V>, weighted: &Packed<V>, sum: &mut [V]) {
    let mut blocks = sum.chunks_exact_mut(16);
    let length = (4 * x.groups).max(1);
    for (ib, left) in weighted.values.chunks_exact(length).enumerate() {
        for right in x.values.chunks_exact(length).take(ib + 1) {
            let Some(out) = blocks.next() else { return };
            let mut acc = [[V::splat(0.0); 4]; 4];
            for i in 0..4 {
                for c in 0..4 {
                    acc[i][c] = out[4 * i + c];
                }
            }
            add_product(&mut acc, left, right);
            for i in 0..4 {
                for c in 0..4 {
                    out[4 * i + c] = acc[i][c];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::{sum_len, sum_offset};
    use super::super::lanes::{at_each_level, kernel};
    use super::*;

    kernel!(
        fn check<V: Lanes>(n: usize, count: usize) {
            let (np, groups) = (n.div_ceil(4) * 4, count.div_ceil(V::N));
            let value = |i: usize, j: usize| ((7 * i + 3 * j) % 11) as f64 - 4.5;
            let weight = |j: usize| if j < count { 0.5 + (j % 3) as f64 } else { 0.0 };
            let mut x = Packed::new();
            x.resize(np, groups);
            let mut q = vec![V::splat(0.0); groups];
            let mut lanes = [0.0; 8];
            for g in 0..groups {
                for i in 0..n {
                    for lane in 0..V::N {
                        lanes[lane] = value(i, g * V::N + lane);
                    }
                    let at = x.at(i, g);
                    x.values[at] = V::load(&lanes);
                }
                for lane in 0..V::N {
                    lanes[lane] = weight(g * V::N + lane);
                }
                q[g] = V::load(&lanes);
            }
            let mut sum = vec![V::splat(0.0); sum_len(n)];
            let mut total = vec![V::splat(0.0); np];
            let mut weighted = Packed::new();
            for _ in 0..2 {
                weigh(&x, &q, &mut weighted, &mut total);
                add_products(&x, &weighted, &mut sum);
            }
            for i in 0..n {
                let want: f64 = (0..count).map(|j| 2.0 * weight(j) * value(i, j)).sum();
                assert!((total[i].sum() - want).abs() < 1e-12);
                for c in 0..=i {
                    let term = |j| 2.0 * weight(j) * value(i, j) * value(c, j);
                    let want: f64 = (0..count).map(term).sum();
                    assert!((sum[sum_offset(i, c)].sum() - want).abs() < 1e-10, "({i}, {c})");
                }
            }
        }
    );

    #[test]
    fn sums_of_weighted_products_are_right_for_odd_sizes() {
        at_each_level(|_| {
            for (n, count) in [(1, 1), (3, 9), (5, 16), (9, 23)] {
                check(n, count);
            }
        });
    }
}
