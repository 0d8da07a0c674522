//! One unit: the posterior mean, and what the unit adds to the second moments.

use super::grid::{Grid, Matrix};
use super::second::SecondMoments;
use super::shrinkage::Shrinkage;
use super::{NEGLIGIBLE, Unit};
use crate::linalg::lanes::Lanes;

impl Unit {
    /// The posterior mean of the effect into `mean` (R numbers and padding, `Grid::rows` in all);
    /// returns `E[b|x]'N^{-1}c`. `second` takes the second moments, `weight` times.
    #[inline(always)]
    pub fn moments<V: Lanes>(
        &mut self,
        grid: &Grid,
        shrinkage: &mut Shrinkage,
        mean: &mut [f64],
        weight: f64,
        mut second: Option<&mut SecondMoments>,
    ) -> f64 {
        self.active.clear();
        let mut product = V::splat(0.0);
        for (k, m) in grid.matrices.iter().enumerate() {
            self.heavy.clear();
            if m.rank > 0 {
                for (l, &g) in self.weights[m.component..m.component + m.scales].iter().enumerate()
                {
                    if g > NEGLIGIBLE {
                        shrinkage.fill::<V>(grid, m, l);
                        self.heavy.push((l, g));
                    }
                }
            }
            if self.heavy.is_empty() {
                continue;
            }
            self.active.push((m.first, m.rank));
            let f = shrinkage.rows(m);
            let mut lane = 0;
            while lane < m.height() {
                let second = second.as_deref_mut();
                lane += V::N
                    * match (m.height() - lane) / V::N {
                        1 => self.shrink::<V, 1>(m, f, lane, weight, second, &mut product),
                        2 | 3 => self.shrink::<V, 2>(m, f, lane, weight, second, &mut product),
                        4 | 5 => self.shrink::<V, 4>(m, f, lane, weight, second, &mut product),
                        _ => self.shrink::<V, 6>(m, f, lane, weight, second, &mut product),
                    };
            }
            if let Some(second) = second.as_deref_mut() {
                self.add_squares::<V>(k, m, f, weight, second);
            }
        }
        self.lift::<V>(grid, mean);
        product.sum()
    }

    /// `T` vectors of directions from `lane` on: `sum_l g_l f_l y` into `self.mean`, its product with
    /// `y`, and the variances.
    #[inline(always)]
    fn shrink<V: Lanes, const T: usize>(
        &mut self,
        m: &Matrix,
        f: &[f64],
        lane: usize,
        weight: f64,
        second: Option<&mut SecondMoments>,
        product: &mut V,
    ) -> usize {
        let height = m.height();
        let mut shrunk = [V::splat(0.0); T];
        for &(l, g) in &self.heavy {
            let row = &f[l * height + lane..l * height + lane + T * V::N];
            let g = V::splat(g);
            for t in 0..T {
                shrunk[t] = V::load(&row[t * V::N..]).mul_add(g, shrunk[t]);
            }
        }
        let at = m.first + lane;
        let y = &self.y[at..at + T * V::N];
        let mean = &mut self.mean[at..at + T * V::N];
        for t in 0..T {
            // Past the rank the shrinkage is zero.
            let y = V::load(&y[t * V::N..]);
            let value = shrunk[t] * y;
            *product = value.mul_add(y, *product);
            value.store(&mut mean[t * V::N..]);
        }
        if let Some(second) = second {
            let variances = second.diagonal(at, T * V::N);
            let weight = V::splat(weight);
            for t in 0..T {
                let to = &mut variances[t * V::N..];
                shrunk[t].mul_add(weight, V::load(to)).store(to);
            }
        }
        T
    }

    /// The squares of the means at each scale of a matrix.
    #[inline(always)]
    fn add_squares<V: Lanes>(
        &self,
        k: usize,
        m: &Matrix,
        f: &[f64],
        weight: f64,
        second: &mut SecondMoments,
    ) {
        let height = m.height();
        if m.rank == 1 {
            let y = self.y[m.first];
            let square = |(l, g): &(usize, f64)| g * f[l * height] * f[l * height];
            let squares: f64 = self.heavy.iter().map(square).sum();
            second.diagonal(m.first, 1)[0] += weight * squares * y * y;
            return;
        }
        let y = &self.y[m.first..m.first + height];
        for &(l, g) in &self.heavy {
            let root = V::splat((g * weight).sqrt());
            let row = &f[l * height..(l + 1) * height];
            let column = second.column(k);
            let column = column.chunks_exact_mut(V::N).zip(row.chunks_exact(V::N));
            for ((to, f), y) in column.zip(y.chunks_exact(V::N)) {
                (root * V::load(f) * V::load(y)).store(to);
            }
            second.pushed(k);
        }
    }

    /// `mean = B x` over the matrices that take part.
    #[inline(always)]
    fn lift<V: Lanes>(&self, grid: &Grid, mean: &mut [f64]) {
        let mut row = 0;
        while row < grid.rows {
            row += V::N
                * match (grid.rows - row) / V::N {
                    1 => self.lift_tile::<V, 1, 4>(grid, mean, row),
                    2 => self.lift_tile::<V, 2, 4>(grid, mean, row),
                    3 => self.lift_tile::<V, 3, 2>(grid, mean, row),
                    4 | 5 => self.lift_tile::<V, 4, 2>(grid, mean, row),
                    6 | 7 => self.lift_tile::<V, 6, 1>(grid, mean, row),
                    _ => self.lift_tile::<V, 8, 1>(grid, mean, row),
                };
        }
    }

    /// `T` vectors of rows, `U` directions at a time.
    #[inline(always)]
    fn lift_tile<V: Lanes, const T: usize, const U: usize>(
        &self,
        grid: &Grid,
        mean: &mut [f64],
        row: usize,
    ) -> usize {
        let rows = grid.rows;
        let mut sum = [[V::splat(0.0); T]; U];
        for &(first, rank) in &self.active {
            let back = &grid.back[first * rows..(first + rank) * rows];
            let x = &self.mean[first..first + rank];
            for (back, x) in back.chunks_exact(U * rows).zip(x.chunks_exact(U)) {
                for u in 0..U {
                    let column = &back[u * rows + row..u * rows + row + T * V::N];
                    let x = V::splat(x[u]);
                    for t in 0..T {
                        sum[u][t] = V::load(&column[t * V::N..]).mul_add(x, sum[u][t]);
                    }
                }
            }
            for i in rank / U * U..rank {
                let column = &back[i * rows + row..i * rows + row + T * V::N];
                let x = V::splat(x[i]);
                for t in 0..T {
                    sum[0][t] = V::load(&column[t * V::N..]).mul_add(x, sum[0][t]);
                }
            }
        }
        for t in 0..T {
            let mut total = sum[0][t];
            for u in 1..U {
                total = total + sum[u][t];
            }
            total.store(&mut mean[row + t * V::N..]);
        }
        T
    }
}
