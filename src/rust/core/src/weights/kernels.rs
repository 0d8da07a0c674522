//! The loops over one strip of rows, on lanes.
//!
//! With `L` the strip (columns `L_p`), `x` weights of columns, `u = L x`, `v = L d`, `w` row weights:
//! - [`Combine`]: `sum_k x_k L_k`;
//! - [`Dots`]: `L_k' d` for each column;
//! - [`LogSum`]: `sum_j w_j log u_j`, and `w_j / u_j`;
//! - [`LogGain`]: `sum_j w_j log(1 + t v_j / u_j)`, exact to rounding of the *change*.

use crate::linalg::lanes::{Lanes, kernel};
use crate::linalg::special;

kernel!(
    /// `out = sum_k weights_k columns_k`.
    pub(super) fn combine<'a, V: Lanes>(
        columns: &'a [&'a [f64]],
        weights: &'a [f64],
        out: &'a mut [f64],
    ) {
        out.fill(0.0);
        let mut columns = columns.chunks_exact(4);
        let mut weights = weights.chunks_exact(4);
        for (c, x) in columns.by_ref().zip(weights.by_ref()) {
            add_four::<V>(c, x, out);
        }
        for (c, &x) in columns.remainder().iter().zip(weights.remainder()) {
            for (o, l) in out.iter_mut().zip(*c) {
                *o += x * l;
            }
        }
    }
);

#[inline(always)]
fn add_four<V: Lanes>(columns: &[&[f64]], x: &[f64], out: &mut [f64]) {
    let x4 = [V::splat(x[0]), V::splat(x[1]), V::splat(x[2]), V::splat(x[3])];
    let n = out.len();
    let (a, b, c, d) = (&columns[0][..n], &columns[1][..n], &columns[2][..n], &columns[3][..n]);
    let mut chunks = out.chunks_exact_mut(V::N);
    for ((((o, a), b), c), d) in chunks
        .by_ref()
        .zip(a.chunks_exact(V::N))
        .zip(b.chunks_exact(V::N))
        .zip(c.chunks_exact(V::N))
        .zip(d.chunks_exact(V::N))
    {
        let s = V::load(a).mul_add(x4[0], V::load(o));
        let t = V::load(b).mul_add(x4[1], V::load(c) * x4[2]);
        V::load(d).mul_add(x4[3], s + t).store(o);
    }
    let rest = n - n % V::N;
    for (i, o) in chunks.into_remainder().iter_mut().enumerate() {
        let i = rest + i;
        *o += x[0] * a[i] + x[1] * b[i] + x[2] * c[i] + x[3] * d[i];
    }
}

kernel!(
    /// `out_k += columns_k' d`.
    pub(super) fn dots<'a, V: Lanes>(columns: &'a [&'a [f64]], d: &'a [f64], out: &'a mut [f64]) {
        let mut columns = columns.chunks_exact(4);
        let mut outs = out.chunks_exact_mut(4);
        for (c, o) in columns.by_ref().zip(outs.by_ref()) {
            dot_four::<V>([c[0], c[1], c[2], c[3]], d, o);
        }
        let mut ignored = [0.0; 4];
        for (c, o) in columns.remainder().iter().zip(outs.into_remainder()) {
            ignored[0] = 0.0;
            dot_four::<V>([c, c, c, c], d, &mut ignored);
            *o += ignored[0];
        }
    }
);

#[inline(always)]
fn dot_four<V: Lanes>(columns: [&[f64]; 4], d: &[f64], out: &mut [f64]) {
    let n = d.len();
    let (a, b, c, e) = (&columns[0][..n], &columns[1][..n], &columns[2][..n], &columns[3][..n]);
    let step = 2 * V::N;
    let mut low = [V::splat(0.0); 4];
    let mut high = low;
    for ((((d, a), b), c), e) in d
        .chunks_exact(step)
        .zip(a.chunks_exact(step))
        .zip(b.chunks_exact(step))
        .zip(c.chunks_exact(step))
        .zip(e.chunks_exact(step))
    {
        let (d0, d1) = (V::load(d), V::load(&d[V::N..]));
        low[0] = V::load(a).mul_add(d0, low[0]);
        high[0] = V::load(&a[V::N..]).mul_add(d1, high[0]);
        low[1] = V::load(b).mul_add(d0, low[1]);
        high[1] = V::load(&b[V::N..]).mul_add(d1, high[1]);
        low[2] = V::load(c).mul_add(d0, low[2]);
        high[2] = V::load(&c[V::N..]).mul_add(d1, high[2]);
        low[3] = V::load(e).mul_add(d0, low[3]);
        high[3] = V::load(&e[V::N..]).mul_add(d1, high[3]);
    }
    let rest = n - n % step;
    for (k, l) in [a, b, c, e].into_iter().enumerate() {
        let mut sum = (low[k] + high[k]).sum();
        for (l, d) in l[rest..].iter().zip(&d[rest..]) {
            sum += l * d;
        }
        out[k] += sum;
    }
}

kernel!(
    /// Returns `sum_j w_j log u_j`, and writes `inverse_j = w_j / u_j`. Without weights, `w = 1`.
    /// A row of weight zero counts nothing, whatever its `u`.
    pub(super) fn log_sum<'a, V: Lanes>(
        u: &'a [f64],
        weights: Option<&'a [f64]>,
        inverse: &'a mut [f64],
    ) -> f64 {
        let mut sum = V::splat(0.0);
        for (i, out) in inverse.chunks_mut(V::N).enumerate() {
            let u = V::load_part(u, i * V::N, 1.0).max(V::splat(f64::MIN_POSITIVE));
            let w = match weights {
                Some(w) => V::load_part(w, i * V::N, 0.0),
                None => V::splat(1.0),
            };
            sum = special::log(u).mul_add(w, sum);
            w.div(u).store_part(out, 0);
        }
        sum.sum()
    }
);

kernel!(
    /// Returns `sum_j w_j log(1 + t v_j / u_j)`, or minus infinity if a row would not stay positive.
    pub(super) fn log_gain<'a, V: Lanes>(
        u: &'a [f64],
        v: &'a [f64],
        weights: Option<&'a [f64]>,
        step: f64,
    ) -> f64 {
        let mut sum = V::splat(0.0);
        let mut lowest = V::splat(1.0);
        let step = V::splat(step);
        for i in (0..u.len()).step_by(V::N) {
            let u = V::load_part(u, i, 1.0).max(V::splat(f64::MIN_POSITIVE));
            let r = (V::load_part(v, i, 0.0) * step).div(u);
            match weights {
                Some(w) => {
                    let w = V::load_part(w, i, 0.0);
                    // A row of weight zero may do what it likes.
                    let r = (w.neg()).select_negative(r, V::splat(0.0));
                    lowest = lowest.min(r);
                    sum = special::log_one_plus(r).mul_add(w, sum);
                }
                None => {
                    lowest = lowest.min(r);
                    sum = sum + special::log_one_plus(r);
                }
            }
        }
        let lowest = lowest.to_array()[..V::N].iter().copied().fold(1.0, f64::min);
        if lowest > -1.0 { sum.sum() } else { f64::NEG_INFINITY }
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::lanes::at_each_level;
    use crate::testing::uniforms;

    #[test]
    fn kernels_agree_with_plain_loops_at_every_length() {
        for n in [1, 3, 4, 7, 8, 9, 16, 31, 33, 64, 511] {
            for m in [1, 3, 4, 5, 9] {
                let l = uniforms(1 + n as u64, n * m);
                let columns: Vec<&[f64]> = l.chunks(n).collect();
                let (x, d) = (uniforms(2, m), uniforms(3, n));
                let want_u: Vec<f64> =
                    (0..n).map(|j| (0..m).map(|k| l[k * n + j] * x[k]).sum()).collect();
                let want_g: Vec<f64> = (0..m)
                    .map(|k| 1.0 + (0..n).map(|j| l[k * n + j] * d[j]).sum::<f64>())
                    .collect();
                at_each_level(|_| {
                    let mut u = vec![9.0; n];
                    combine(&columns, &x, &mut u);
                    let mut g = vec![1.0; m];
                    dots(&columns, &d, &mut g);
                    assert!(u.iter().zip(&want_u).all(|(a, b)| (a - b).abs() < 1e-13));
                    assert!(g.iter().zip(&want_g).all(|(a, b)| (a - b).abs() < 1e-12));
                });
            }
        }
    }

    #[test]
    fn logarithms_of_changes_are_exact_to_rounding_of_the_change() {
        for n in [1, 5, 8, 13, 64] {
            let (u, w) = (uniforms(4, n), uniforms(5, n));
            for scale in [1e-12, 1e-3, 0.2, 0.9] {
                let v: Vec<f64> =
                    uniforms(6, n).iter().zip(&u).map(|(x, u)| (x - 0.5) * scale * u).collect();
                let want: f64 = (0..n).map(|j| w[j] * (v[j] / u[j]).ln_1p()).sum();
                let size: f64 = (0..n).map(|j| w[j] * (v[j] / u[j]).abs()).sum();
                at_each_level(|level| {
                    let weights = Some(&w[..]);
                    let got = log_gain(&u, &v, weights, 1.0);
                    assert!((got - want).abs() < 4e-15 * size, "{level:?} {n} {scale}");
                    let mut inverse = vec![0.0; n];
                    let got = log_sum(&u, weights, &mut inverse);
                    let want: f64 = (0..n).map(|j| w[j] * u[j].ln()).sum();
                    assert!((got - want).abs() < 1e-13 * n as f64);
                    assert!((0..n).all(|j| (inverse[j] * u[j] / w[j] - 1.0).abs() < 1e-15));
                });
            }
        }
    }

    #[test]
    fn a_step_that_empties_a_row_gains_minus_infinity_unless_the_row_has_no_weight() {
        let (u, v) = ([1.0, 1.0, 1.0], [0.1, -1.0, 0.1]);
        at_each_level(|_| {
            let gain = |w| log_gain(&u, &v, w, 1.0);
            assert_eq!(gain(None), f64::NEG_INFINITY);
            assert!((gain(Some(&[1.0, 0.0, 1.0])) - 2.0 * 1.1f64.ln()).abs() < 1e-15);
        });
    }
}
