//! One unit under one component, with digits to spare: what the fast paths hand over when scales are
//! so far apart, or matrices so nearly singular, that doubles do not carry the answer.
//!
//! With `W N W' = I`, `M = sqrt(w) WF` and `z = Wx`, everything follows from one triangular
//! factorisation, of rows that are never squared:
//! ```text
//!   [ M ]       [ R ]      log det(I + MM') = 2 sum log |R_ii|,
//!   [ I ] = Q   [ 0 ],     z'(I + MM')^{-1}z = |the last rows of Q'[z; 0]|^2,
//!
//!   b = sqrt(w) F R^{-1} (c + eps) = x - N^{1/2} (z - Q_1 (c + eps)),   eps ~ N(0, I),
//! ```
//! with `c` the first rows of `Q'[z; 0]` and `Q_1` the rows of `Q` that `M` has. The first form of `b`
//! is exact where the prior is narrower than the noise, the second where the noise is. Rows are sorted
//! by size and columns pivoted, so that the error of a row is relative to that row alone, whatever the
//! others are (Powell and Reid 1969; Cox and Higham 1998). The noise is whitened from its largest
//! standard error to its smallest, so that rows of `M` are sums that their last term dominates. All
//! numbers have twice the digits of a double, which leaves 16 for near-singular `V` and near-parallel
//! rows of `F`.

mod reduce;

use super::NormalMeans;
use super::problem::LOG_2_PI;
use crate::linalg::psd::Factor;
use crate::linalg::twofold::Twofold;
use reduce::Reduced;

/// A unit, whitened.
#[derive(Debug)]
pub struct Unit {
    /// The observed conditions, those of large standard errors first.
    observed: Vec<usize>,
    x: Vec<Twofold>,
    /// `N^{1/2}`, lower triangular by rows.
    root: Vec<Twofold>,
    /// `Wx`.
    z: Vec<Twofold>,
    /// `log det N`.
    log_det: f64,
}

/// A unit and a prior matrix.
#[derive(Debug)]
pub struct Whitened<'a> {
    unit: &'a Unit,
    factor: &'a Factor,
    /// `WF` by rows.
    m: Vec<Twofold>,
}

/// A unit and a component.
#[derive(Debug)]
pub struct Component<'a> {
    of: &'a Whitened<'a>,
    root_scale: Twofold,
    reduced: Reduced,
}

/// Posterior moments of effects, or of functions of them.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Means.
    pub mean: Vec<f64>,
    /// A square root of the covariance, by rows of as many entries as the prior matrix has columns.
    pub root: Vec<f64>,
}

impl Moments {
    /// The covariance of two.
    pub fn covariance(&self, i: usize, p: usize) -> f64 {
        let rank = self.root.len().checked_div(self.mean.len()).unwrap_or(0);
        let row = |i: usize| &self.root[i * rank..(i + 1) * rank];
        row(i).iter().zip(row(p)).map(|(a, b)| a * b).sum()
    }
}

impl Unit {
    /// The unit at an arranged position; `None` if its noise is not positive definite.
    pub fn new(means: &NormalMeans, position: usize) -> Option<Self> {
        Self::about(means, position, None)
    }

    /// The same with `x - m` in place of `x`.
    pub fn about(means: &NormalMeans, position: usize, m: Option<&[f64]>) -> Option<Self> {
        let (j, r) = (means.units, means.conditions);
        let s = |i: usize| means.s[i * j + position];
        let mut observed: Vec<usize> = (0..r).filter(|&i| s(i).is_finite()).collect();
        observed.sort_by(|&a, &b| s(b).total_cmp(&s(a)));
        let n = observed.len();
        let mut v = vec![0.0; r * r];
        means.v.lower(means.row(position), j, r, &mut v);
        let entry = |i: usize, p: usize| {
            let (a, b) = (observed[i], observed[p]);
            Twofold::from(v[a.max(b) * r + a.min(b)])
        };
        let mut root = cholesky(n, entry)?;
        let pivot = |(i, &at): (usize, &usize)| 2.0 * (s(at).ln() + root[i * n + i].ln());
        let log_det = observed.iter().enumerate().map(pivot).sum();
        let residual = |&i: &usize| {
            Twofold::from(means.x[i * j + position]) - Twofold::from(m.map_or(0.0, |m| m[i]))
        };
        let x: Vec<Twofold> = observed.iter().map(residual).collect();
        let mut z: Vec<Twofold> =
            x.iter().zip(&observed).map(|(x, &i)| *x / Twofold::from(s(i))).collect();
        solve(n, &root, 1, &mut z);
        for (row, &i) in root.chunks_exact_mut(n.max(1)).zip(&observed) {
            row.iter_mut().for_each(|v| *v = *v * Twofold::from(s(i)));
        }
        Some(Self { observed, x, root, z, log_det })
    }

    /// `log p(x | b = 0)`.
    pub fn log_density_at_zero(&self) -> f64 {
        self.log_density(self.z.iter().map(|z| *z * *z).sum::<Twofold>(), 0.0)
    }

    fn log_density(&self, square: Twofold, log_det: f64) -> f64 {
        let n = self.observed.len() as f64;
        -0.5 * (n * LOG_2_PI + (self.log_det + log_det) + f64::from(square))
    }

    /// Under `U = FF'`.
    pub fn under<'a>(&'a self, factor: &'a Factor) -> Whitened<'a> {
        let (n, rank) = (self.observed.len(), factor.rank);
        // The standard errors are in the root: they are divided out by the solution.
        let rows = self.observed.iter().flat_map(|&i| factor.row(i));
        let mut m: Vec<Twofold> = rows.map(|f| Twofold::from(*f)).collect();
        solve(n, &self.root, rank, &mut m);
        Whitened { unit: self, factor, m }
    }
}

/// Solve `L Y = B` in place, `B` by rows of `m` numbers.
fn solve(n: usize, l: &[Twofold], m: usize, b: &mut [Twofold]) {
    for i in 0..n {
        let (done, now) = b.split_at_mut(i * m);
        for p in (0..i).filter(|&p| l[i * n + p] != Twofold::ZERO) {
            for c in 0..m {
                now[c] = now[c] - l[i * n + p] * done[p * m + c];
            }
        }
        now[..m].iter_mut().for_each(|b| *b = *b / l[i * n + i]);
    }
}

/// Solve `L'Y = B` in place, `B` by rows of `m` numbers.
fn solve_transposed(n: usize, l: &[Twofold], m: usize, b: &mut [Twofold]) {
    for i in (0..n).rev() {
        for c in 0..m {
            let later = (i + 1..n).map(|p| l[p * n + i] * b[p * m + c]).sum::<Twofold>();
            b[i * m + c] = (b[i * m + c] - later) / l[i * n + i];
        }
    }
}

/// `L` of `LL'` by rows; `None` if that is not positive definite.
fn cholesky(n: usize, entry: impl Fn(usize, usize) -> Twofold) -> Option<Vec<Twofold>> {
    let mut l = vec![Twofold::ZERO; n * n];
    for i in 0..n {
        for p in 0..=i {
            let done = (0..p).map(|q| l[i * n + q] * l[p * n + q]).sum::<Twofold>();
            let left = entry(i, p) - done;
            if p < i {
                l[i * n + p] = left / l[p * n + p];
            } else if left.high > 0.0 {
                l[i * n + i] = left.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(l)
}

impl Whitened<'_> {
    /// `g = m'm` and `h = m'z` of a matrix of rank one.
    pub fn line(&self) -> (f64, f64) {
        let (mut g, mut h) = (Twofold::ZERO, Twofold::ZERO);
        for (m, z) in self.m.iter().zip(&self.unit.z) {
            (g, h) = (g + *m * *m, h + *m * *z);
        }
        (g.into(), h.into())
    }

    /// At the scale `w`.
    pub fn at(&self, w: f64) -> Component<'_> {
        let root_scale = Twofold::from(w).sqrt();
        let m: Vec<Twofold> = self.m.iter().map(|m| *m * root_scale).collect();
        let reduced = Reduced::new(self.factor.rank, &m, &self.unit.z);
        Component { of: self, root_scale, reduced }
    }
}

impl Component<'_> {
    /// `log p(x | component)`.
    pub fn log_density(&self) -> f64 {
        self.of.unit.log_density(self.reduced.square(), self.reduced.log_det())
    }

    /// `P T^{-1} P` by rows, and `P T^{-1} x`, for the covariance `T` of the measurements (zero where they
    /// are missing) and the projection `P` onto the range of `F`: of the inverse, which may be enormous
    /// elsewhere, what a step of the prior matrix within its range depends on. With `B = F (F'F)^{-1}`
    /// they are `B [I - (R'R)^{-1}] B'` and `B E[a]`. `None` if the columns of `F` are dependent.
    pub fn precision(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        let factor = self.of.factor;
        let (r, rank) = (factor.rows, factor.rank);
        let f = |i: usize, c: usize| Twofold::from(factor.row(i)[c]) * self.root_scale;
        let gram = |c: usize, d: usize| (0..r).map(|i| f(i, c) * f(i, d)).sum::<Twofold>();
        let l = cholesky(rank, gram)?;
        // Rank by R: B'.
        let mut b: Vec<Twofold> = (0..rank * r).map(|k| f(k % r, k / r)).collect();
        solve(rank, &l, r, &mut b);
        solve_transposed(rank, &l, r, &mut b);
        let c = self.reduced.coefficients();
        let unit =
            |p: usize| (0..rank).map(move |q| f64::from(u8::from(p == q))).map(Twofold::from);
        let y: Vec<Vec<Twofold>> = (0..rank)
            .map(|p| self.reduced.solve_transposed(&unit(p).collect::<Vec<_>>()))
            .collect();
        let dot = |a: &[Twofold], b: &[Twofold]| a.iter().zip(b).map(|(a, b)| *a * *b).sum();
        // K B', and then B K B'.
        let mut kb = b.clone();
        for p in 0..rank {
            for q in 0..rank {
                let inverse: Twofold = dot(&y[p], &y[q]);
                for i in 0..r {
                    kb[p * r + i] = kb[p * r + i] - inverse * b[q * r + i];
                }
            }
        }
        let (mut precision, mut mean) = (vec![0.0; r * r], vec![0.0; r]);
        for i in 0..r {
            mean[i] = (0..rank).map(|p| b[p * r + i] * dot(&y[p], &c)).sum::<Twofold>().into();
            for q in 0..r {
                let sum: Twofold = (0..rank).map(|p| b[p * r + i] * kb[p * r + q]).sum();
                precision[i * r + q] = sum.into();
            }
        }
        Some((precision, mean))
    }

    /// Moments of the effects in the support of the prior matrix.
    pub fn moments(&self) -> Moments {
        let (unit, factor) = (self.of.unit, self.of.factor);
        let mut moments = self.moments_of(factor);
        let n = unit.observed.len();
        // Where the noise is narrower than the prior, the effect is what was measured less the noise.
        let norm = |row: &mut dyn Iterator<Item = f64>| row.map(|v| v * v).sum::<f64>();
        let narrow = |place: usize| {
            let noise = norm(&mut unit.root[place * n..][..n].iter().map(|l| l.high));
            let f = factor.row(unit.observed[place]);
            noise <= norm(&mut f.iter().map(|f| f * self.root_scale.high))
        };
        let places: Vec<usize> = (0..n).filter(|&place| narrow(place)).collect();
        if places.is_empty() {
            return moments;
        }
        let rank = factor.rank;
        let (q, residual) = self.reduced.orthogonal(n);
        for place in places {
            let Ok(at) = factor.support.binary_search(&unit.observed[place]) else { continue };
            let row = &unit.root[place * n..][..=place];
            let noise = row.iter().zip(&residual).map(|(l, e)| *l * *e).sum::<Twofold>();
            moments.mean[at] = f64::from(unit.x[place] - noise);
            for c in 0..rank {
                let term = |(p, l): (usize, &Twofold)| *l * q[p * rank + c];
                let value = row.iter().enumerate().map(term).sum::<Twofold>();
                moments.root[at * rank + c] = value.into();
            }
        }
        moments
    }

    /// Moments of functions `Ha` of the coefficients `a` of `b = Fa`, those in the support of `H`.
    pub fn moments_of(&self, mapped: &Factor) -> Moments {
        let rank = mapped.rank;
        let (mut mean, mut root) = (Vec::new(), Vec::new());
        for &i in &mapped.support {
            let f: Vec<Twofold> =
                mapped.row(i).iter().map(|f| Twofold::from(*f) * self.root_scale).collect();
            let y = self.reduced.solve_transposed(&f);
            let terms = y.iter().zip(self.reduced.coefficients());
            mean.push(terms.map(|(y, c)| *y * c).sum::<Twofold>().into());
            root.extend(y.into_iter().map(f64::from));
        }
        debug_assert_eq!(root.len(), mean.len() * rank);
        Moments { mean, root }
    }
}

#[cfg(test)]
mod tests;
