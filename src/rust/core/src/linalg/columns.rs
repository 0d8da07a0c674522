//! Products and sums of long columns, in lanes. Lengths need not be multiples of the lanes.

use super::lanes::{Lanes, kernel};

/// `sum_i x_i y_i`, in four running sums.
#[inline(always)]
pub fn dot<V: Lanes>(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len();
    let y = &y[..n];
    let mut sums = [V::splat(0.0); 4];
    let mut i = 0;
    while i + 4 * V::N <= n {
        for (c, sum) in sums.iter_mut().enumerate() {
            let at = i + c * V::N;
            *sum = V::load(&x[at..]).mul_add(V::load(&y[at..]), *sum);
        }
        i += 4 * V::N;
    }
    while i + V::N <= n {
        sums[0] = V::load(&x[i..]).mul_add(V::load(&y[i..]), sums[0]);
        i += V::N;
    }
    let mut total = ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
    while i < n {
        total += x[i] * y[i];
        i += 1;
    }
    total
}

kernel!(
    /// [`dot`] as a kernel of its own.
    pub fn dot_product<'a, V: Lanes>(x: &'a [f64], y: &'a [f64]) -> f64 {
        dot::<V>(x, y)
    }
);

/// `sum_i w_i x_i^2`.
#[inline(always)]
pub fn weighted_squares<V: Lanes>(x: &[f64], w: &[f64]) -> f64 {
    let n = x.len();
    let w = &w[..n];
    let mut sums = [V::splat(0.0); 4];
    let mut i = 0;
    while i + 4 * V::N <= n {
        for (c, sum) in sums.iter_mut().enumerate() {
            let at = i + c * V::N;
            let v = V::load(&x[at..]);
            *sum = (v * v).mul_add(V::load(&w[at..]), *sum);
        }
        i += 4 * V::N;
    }
    let mut total = ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
    while i < n {
        total += x[i] * x[i] * w[i];
        i += 1;
    }
    total
}

/// `out_i += a x_i`.
#[inline(always)]
pub fn add<V: Lanes>(a: f64, x: &[f64], out: &mut [f64]) {
    let n = x.len();
    let (scale, mut i) = (V::splat(a), 0);
    while i + V::N <= n {
        V::load(&x[i..]).mul_add(scale, V::load(&out[i..])).store(&mut out[i..]);
        i += V::N;
    }
    while i < n {
        out[i] += a * x[i];
        i += 1;
    }
}

/// `out_i += a x_i w_i`.
#[inline(always)]
pub fn add_product<V: Lanes>(a: f64, x: &[f64], w: &[f64], out: &mut [f64]) {
    let n = x.len();
    let (scale, mut i) = (V::splat(a), 0);
    while i + V::N <= n {
        let product = V::load(&x[i..]) * V::load(&w[i..]);
        product.mul_add(scale, V::load(&out[i..])).store(&mut out[i..]);
        i += V::N;
    }
    while i < n {
        out[i] += a * x[i] * w[i];
        i += 1;
    }
}

kernel!(
    /// [`add`] as a kernel of its own.
    pub fn add_multiple<'a, V: Lanes>(a: f64, x: &'a [f64], out: &'a mut [f64]) {
        add::<V>(a, x, out);
    }
);

kernel!(
    /// [`add_product`] as a kernel of its own.
    pub fn add_multiple_of_product<'a, V: Lanes>(
        a: f64,
        x: &'a [f64],
        w: &'a [f64],
        out: &'a mut [f64],
    ) {
        add_product::<V>(a, x, w, out);
    }
);

kernel!(
    /// `sum_i x_i w_i y_i`.
    pub fn product_of_three<'a, V: Lanes>(x: &'a [f64], w: &'a [f64], y: &'a [f64]) -> f64 {
        let (n, mut i) = (x.len(), 0);
        let (w, y) = (&w[..n], &y[..n]);
        let mut sums = [V::splat(0.0); 2];
        while i + 2 * V::N <= n {
            for (c, sum) in sums.iter_mut().enumerate() {
                let at = i + c * V::N;
                let v = V::load(&x[at..]) * V::load(&w[at..]);
                *sum = v.mul_add(V::load(&y[at..]), *sum);
            }
            i += 2 * V::N;
        }
        let rest: f64 = (i..n).map(|i| x[i] * w[i] * y[i]).sum();
        (sums[0] + sums[1]).sum() + rest
    }
);
