//! Householder reduction of a symmetric matrix bordered by a vector, one matrix per lane, and what
//! it is for: `log det(I + wA)` and `x'(I + wA)^{-1}x` for any number of scales `w`.
//!
//! If the first reflection maps `x` to `|x| e_1`, then `Q'AQ = T` is tridiagonal and
//! `x'(I + wA)^{-1}x = |x|^2 [(I + wT)^{-1}]_{11}`. With `D_i` the trailing principal minors of
//! `I + wT`,
//! ```text
//!   D_i = (1 + w d_i) D_{i+1} - w^2 e_{i+1}^2 D_{i+2},
//!   log det = log D_1,   [(I + wT)^{-1}]_{11} = D_2 / D_1,
//! ```
//! so that each scale costs O(n) and no division until its end. The reduction costs `4/3 n^3`
//! operations and is shared by all scales.
//!
//! **When digits are lost.** The error of `T` is a rounding of its norm, and harms what is much smaller:
//! the pivots `q_i = D_i / D_{i+1}`, which are never below one. An error `d` of all elements is one of
//! `r_i d` in `q_i`, with `r_i = 1 + w^2 e_{i+1}^2 r_{i+1} / q_{i+1}^2`. At scales at which `w tr T` is
//! large, `r_i / q_i` times that is compared with a limit, and above it there is no result but NaN.

use super::cholesky::TRUSTED;
use super::lanes::Lanes;
use super::special::log_split;

/// Beyond this size of `w tr T`, squares of minors might overflow.
const BEYOND: f64 = 1e30;

/// The number of rows once padded to whole panels of four.
#[inline(always)]
pub fn padded(n: usize) -> usize {
    n.div_ceil(4) * 4
}

/// Where panel `c` of four columns starts, in a matrix of `np` padded rows stored by column panels:
/// rows from `4c` to `np - 1`, four entries each.
#[inline(always)]
pub fn panel_offset(np: usize, c: usize) -> usize {
    4 * (c * np - 2 * c * c.saturating_sub(1))
}

/// Where entry `(i, c)` with `i >= 4 * (c / 4)` is.
#[inline(always)]
pub fn entry(np: usize, i: usize, c: usize) -> usize {
    let panel = c / 4;
    panel_offset(np, panel) + (i - 4 * panel) * 4 + c % 4
}

/// The number of entries stored for a matrix of `n` rows.
pub fn panel_len(n: usize) -> usize {
    let np = padded(n);
    panel_offset(np, np / 4)
}

/// The matrix to reduce, the vector that borders it, and the tridiagonal result.
pub struct Tridiagonal<V> {
    n: usize,
    /// The lower triangle by column panels; destroyed by [`reduce`](Self::reduce).
    pub matrix: Vec<V>,
    /// The bordering vector; destroyed.
    pub x: Vec<V>,
    diagonal: Vec<V>,
    /// `|x|^2`, then the squared off-diagonal.
    squares: Vec<V>,
    reflector: Vec<V>,
    update: Vec<V>,
    product: Vec<V>,
}

impl<V: Lanes> Tridiagonal<V> {
    /// Room for matrices of up to `n` rows.
    #[inline(always)]
    pub fn new(n: usize) -> Self {
        let np = padded(n).max(4);
        let zero = V::splat(0.0);
        Self {
            n,
            matrix: vec![zero; panel_len(n)],
            x: vec![zero; np],
            diagonal: vec![zero; np],
            squares: vec![zero; np],
            reflector: vec![zero; np],
            update: vec![zero; np],
            product: vec![zero; np],
        }
    }

    /// Say how many rows the matrix now written has.
    #[inline(always)]
    pub fn resize(&mut self, n: usize) {
        self.n = n;
    }

    /// Reduce. The rank-2 update of one step is fused with the symmetric product of the next, so
    /// that the trailing matrix is read and written once per step.
    #[inline(always)]
    pub fn reduce(&mut self) {
        let n = self.n;
        let np = padded(n);
        let zero = V::splat(0.0);
        // A vector this short is rounding of rounding: its reflector would overflow.
        let tiny = V::splat(1e-140);
        let a = &mut self.matrix[..panel_len(n)];
        let (mut new, mut old) = (&mut self.x[..np], &mut self.reflector[..np]);
        let update = &mut self.update[..np];
        let product = &mut self.product[..np];
        for i in 0..np {
            old[i] = zero;
            update[i] = zero;
            if i >= n {
                new[i] = zero;
            }
        }
        let mut tail = [zero; 4];
        for i in 1..n {
            tail[i & 3] = new[i].mul_add(new[i], tail[i & 3]);
        }
        for s in 0..n {
            let below = (tail[0] + tail[1]) + (tail[2] + tail[3]);
            let head = new[s];
            let norm2 = head.mul_add(head, below);
            self.squares[s] = norm2;
            if s == n - 1 {
                let t = old[s] * update[s];
                self.diagonal[s] = a[entry(np, s, s)] - (t + t);
                break;
            }
            let norm = norm2.sqrt();
            let den = norm * (norm + head.abs());
            let tau = (den - tiny).select_negative(zero, den.max(tiny).recip());
            let pivot = head + head.select_negative(norm.neg(), norm);
            new[s] = pivot;
            for c in s / 4..np / 4 {
                panel_step(a, np, c, c == s / 4, old, update, new, product);
            }
            let mut k = [zero; 4];
            for i in s..n {
                k[i & 3] = product[i].mul_add(new[i], k[i & 3]);
            }
            let k = (k[0] + k[1]) + (k[2] + k[3]);
            let kappa = (tau * V::splat(0.5)) * (tau * k);
            let first = kappa.neg_mul_add(pivot, tau * product[s]);
            let t = pivot * first;
            self.diagonal[s] = a[entry(np, s, s)] - (t + t);
            // The updated column s is the next vector to reflect; it goes where `old` was.
            tail = [zero; 4];
            for i in s + 1..n {
                let v = new[i];
                let u = kappa.neg_mul_add(v, tau * product[i]);
                update[i] = u;
                let x = v.neg_mul_add(first, a[entry(np, i, s)]);
                let x = u.neg_mul_add(pivot, x);
                old[i] = x;
                if i > s + 1 {
                    tail[i & 3] = x.mul_add(x, tail[i & 3]);
                }
            }
            new[s] = zero;
            old[s] = zero;
            update[s] = zero;
            std::mem::swap(&mut new, &mut old);
        }
    }

    /// `-1/2 [log det(I + wA) + q(w)]` for each scale `w`, into `out[l * stride..]`, where `q(w)` is
    /// `x'(I + wA)^{-1}x`, or `rest - w x'(I + wA)^{-1}x` when `rest` is given. Returns whether some
    /// may be NaN, because digits were lost.
    #[inline(always)]
    pub fn log_density(
        &self,
        scales: &[f64],
        rest: Option<V>,
        out: &mut [f64],
        stride: usize,
    ) -> bool {
        const GROUP: usize = 4;
        let trace = self.trace();
        let finite = |t: &f64| if t.is_finite() { *t } else { f64::INFINITY };
        let top = trace.to_array()[..V::N].iter().map(finite).fold(0.0, f64::max);
        let limit = TRUSTED * self.n as f64 / top;
        let mut doubtful = false;
        for (g, group) in scales.chunks(GROUP).enumerate() {
            let mut w = [0.0; GROUP];
            w[..group.len()].copy_from_slice(group);
            let (log_det, inverse) = if w.iter().all(|w| *w < limit) {
                self.minors::<false>(w, trace)
            } else {
                doubtful = true;
                self.minors::<true>(w, trace)
            };
            for q in 0..group.len() {
                let square = self.squares[0] * inverse[q];
                let quad = match rest {
                    Some(rest) => V::splat(w[q]).neg_mul_add(square, rest),
                    None => square,
                };
                let value = V::splat(-0.5) * (log_det[q] + quad);
                value.store(&mut out[(g * GROUP + q) * stride..]);
            }
        }
        doubtful
    }

    /// `tr T`.
    #[inline(always)]
    fn trace(&self) -> V {
        let mut sum = [V::splat(0.0); 4];
        for i in 0..self.n {
            sum[i & 3] = sum[i & 3] + self.diagonal[i];
        }
        (sum[0] + sum[1]) + (sum[2] + sum[3])
    }

    /// `log det(I + wT)` and `[(I + wT)^{-1}]_{11}` for four scales, with the exponents of the minors
    /// kept apart every fourth step, since they outgrow a double. `CHECK`: NaN where digits were lost.
    #[inline(always)]
    fn minors<const CHECK: bool>(&self, scales: [f64; 4], trace: V) -> ([V; 4], [V; 4]) {
        let n = self.n;
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let mut w = [one; 4];
        let mut w2 = [one; 4];
        for q in 0..4 {
            w[q] = V::splat(scales[q]);
            w2[q] = w[q] * w[q];
        }
        let (mut d1, mut d2, mut exponent) = ([one; 4], [one; 4], [zero; 4]);
        // With r_i the growth of errors up to the pivot q_i: P_i = r_i D_{i+1}^2, and r_i / q_i against
        // its limit.
        let (mut least, mut floor, mut grown) = ([one; 4], [zero; 4], [one; 4]);
        for q in 0..4 {
            d1[q] = w[q].mul_add(self.diagonal[n - 1], one);
            if CHECK {
                let size = w[q] * trace;
                floor[q] = V::splat(1.0 / (TRUSTED * n as f64)) * size;
                least[q] = (d1[q] - floor[q]).min(V::splat(BEYOND) - size);
            }
        }
        for i in (0..n - 1).rev() {
            let (d, e) = (self.diagonal[i], self.squares[i + 1]);
            for q in 0..4 {
                let t = (w2[q] * e).neg_mul_add(d2[q], w[q].mul_add(d, one) * d1[q]);
                if CHECK {
                    grown[q] = (w2[q] * e).mul_add(grown[q], d1[q] * d1[q]);
                    least[q] = floor[q].neg_mul_add(grown[q], d1[q] * t).min(least[q]);
                }
                d2[q] = d1[q];
                d1[q] = t;
            }
            if i & 3 == 0 {
                for q in 0..4 {
                    let (m, e) = d1[q].split_exponent();
                    d1[q] = m;
                    d2[q] = d2[q].scale_exponent(e.neg());
                    exponent[q] = exponent[q] + e;
                    if CHECK {
                        grown[q] = grown[q].scale_exponent((e + e).neg());
                    }
                }
            }
        }
        let (mut log_det, mut inverse) = ([zero; 4], [zero; 4]);
        for q in 0..4 {
            let (m, e) = d1[q].split_exponent();
            log_det[q] = log_split(m, e + exponent[q]);
            if CHECK {
                log_det[q] = least[q].select_negative(V::splat(f64::NAN), log_det[q]);
            }
            inverse[q] = d2[q].div(d1[q]);
        }
        (log_det, inverse)
    }
}

/// One column panel of a step: apply the last step's rank-2 update, and add the panel's share of
/// the product with the new reflector.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn panel_step<V: Lanes>(
    a: &mut [V],
    np: usize,
    c: usize,
    first: bool,
    old: &[V],
    update: &[V],
    new: &[V],
    product: &mut [V],
) {
    let zero = V::splat(0.0);
    let c0 = 4 * c;
    let start = panel_offset(np, c);
    let (top, rest) = a[start..start + 4 * (np - c0)].split_at_mut(16);
    let at = c0..c0 + 4;
    let (vc, wc, uc) = (&old[at.clone()], &update[at.clone()], &new[at]);
    let (vc, wc) = ([vc[0], vc[1], vc[2], vc[3]], [wc[0], wc[1], wc[2], wc[3]]);
    let uc = [uc[0], uc[1], uc[2], uc[3]];
    let mut pc = [zero; 4];
    for r in 0..4 {
        let mut pr = zero;
        for q in 0..=r {
            let mut t = top[4 * r + q];
            t = vc[r].neg_mul_add(wc[q], t);
            t = wc[r].neg_mul_add(vc[q], t);
            top[4 * r + q] = t;
            pr = t.mul_add(uc[q], pr);
            if q < r {
                pc[q] = t.mul_add(uc[r], pc[q]);
            }
        }
        pc[r] = pc[r] + pr;
    }
    let (diagonal, below) = product[c0..np].split_at_mut(4);
    let rows = rest
        .chunks_exact_mut(4)
        .zip(&old[c0 + 4..np])
        .zip(&update[c0 + 4..np])
        .zip(&new[c0 + 4..np])
        .zip(below);
    for ((((row, &vi), &wi), &ui), p) in rows {
        let mut pi = if first { zero } else { *p };
        for q in 0..4 {
            let mut t = row[q];
            t = vi.neg_mul_add(wc[q], t);
            t = wi.neg_mul_add(vc[q], t);
            row[q] = t;
            pi = t.mul_add(uc[q], pi);
            pc[q] = t.mul_add(ui, pc[q]);
        }
        *p = pi;
    }
    for q in 0..4 {
        diagonal[q] = if first { pc[q] } else { diagonal[q] + pc[q] };
    }
}

#[cfg(test)]
mod tests;
