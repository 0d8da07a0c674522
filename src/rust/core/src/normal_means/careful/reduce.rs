//! The orthogonal reduction of `[M; I]` with the right-hand side `[z; 0]`, rows sorted, columns pivoted.

use crate::linalg::twofold::Twofold;

/// `[M; I] P = Q [R; 0]`.
#[derive(Debug)]
pub(super) struct Reduced {
    rank: usize,
    /// Where row `i` of `[M; I]` stands.
    place: Vec<usize>,
    /// `R` above the diagonal and on it; then the right-hand side: by rows of `rank + 1`.
    a: Vec<Twofold>,
    /// Which column of `M` each is.
    pivots: Vec<usize>,
    reflectors: Vec<Reflector>,
}

/// `I - tau v v'`, on the rows from `first` on.
#[derive(Debug)]
struct Reflector {
    first: usize,
    v: Vec<Twofold>,
    tau: Twofold,
}

impl Reflector {
    /// Apply to column `c` of a matrix by rows of `width`.
    fn apply(&self, a: &mut [Twofold], width: usize, c: usize) {
        let mut t = Twofold::ZERO;
        for (i, &v) in self.v.iter().enumerate().filter(|(_, v)| v.high != 0.0) {
            t = t + v * a[(self.first + i) * width + c];
        }
        let t = t * self.tau;
        for (i, &v) in self.v.iter().enumerate().filter(|(_, v)| v.high != 0.0) {
            let at = (self.first + i) * width + c;
            a[at] = a[at] - t * v;
        }
    }
}

impl Reduced {
    /// `m` by rows of `rank`, as many as `z` has elements.
    pub fn new(rank: usize, m: &[Twofold], z: &[Twofold]) -> Self {
        let (n, width) = (z.len(), rank + 1);
        let rows = n + rank;
        let size = |i: usize| match i < n {
            true => m[i * rank..(i + 1) * rank].iter().map(|m| m.high.abs()).fold(0.0, f64::max),
            false => 1.0,
        };
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        let mut place = vec![0; rows];
        let mut a = vec![Twofold::ZERO; rows * width];
        for (to, &i) in order.iter().enumerate() {
            place[i] = to;
            if i < n {
                a[to * width..][..rank].copy_from_slice(&m[i * rank..(i + 1) * rank]);
                a[to * width + rank] = z[i];
            } else {
                a[to * width + i - n] = Twofold::from(1.0);
            }
        }
        let pivots = (0..rank).collect();
        let mut reduced = Self { rank, place, a, pivots, reflectors: Vec::with_capacity(rank) };
        (0..rank).for_each(|k| reduced.step(k));
        reduced
    }

    /// Bring column `k` to its end, with the largest of the columns that are left.
    fn step(&mut self, k: usize) {
        let (width, rows) = (self.rank + 1, self.place.len());
        let column = |c: usize| (k..rows).map(move |i| i * width + c);
        let largest = |c: usize| column(c).map(|at| self.a[at].high.abs()).fold(0.0, f64::max);
        let top = (k..self.rank).map(largest).fold(f64::MIN_POSITIVE, f64::max);
        // A power of two near the largest entry is divided out: its square might overflow.
        let scale = 2f64.powf(-top.log2().floor());
        let norm =
            |c: usize| -> f64 { column(c).map(|at| (self.a[at].high * scale).powi(2)).sum() };
        let norms: Vec<f64> = (k..self.rank).map(norm).collect();
        let best = (0..norms.len()).max_by(|&a, &b| norms[a].total_cmp(&norms[b]).then(b.cmp(&a)));
        let best = k + best.unwrap_or(0);
        if best != k {
            (0..rows).for_each(|i| self.a.swap(i * width + k, i * width + best));
            self.pivots.swap(k, best);
        }
        let mut v: Vec<Twofold> = (k..rows).map(|i| self.a[i * width + k].scaled(scale)).collect();
        let norm = v.iter().map(|v| *v * *v).sum::<Twofold>().sqrt();
        let head = v[0];
        let beta = if head.high < 0.0 { norm } else { -norm };
        v[0] = head - beta;
        let tau = Twofold::from(1.0) / (norm * (norm + head.abs()));
        let reflector = Reflector { first: k, v, tau };
        for c in k + 1..width {
            reflector.apply(&mut self.a, width, c);
        }
        self.a[k * width + k] = beta.scaled(1.0 / scale);
        self.reflectors.push(reflector);
    }

    fn r(&self, i: usize, c: usize) -> Twofold {
        self.a[i * (self.rank + 1) + c]
    }

    fn right(&self, i: usize) -> Twofold {
        self.a[i * (self.rank + 1) + self.rank]
    }

    /// `log det(I + MM')`.
    pub fn log_det(&self) -> f64 {
        (0..self.rank).map(|i| 2.0 * self.r(i, i).abs().ln()).sum()
    }

    /// `z'(I + MM')^{-1} z`.
    pub fn square(&self) -> Twofold {
        (self.rank..self.place.len()).map(|i| self.right(i) * self.right(i)).sum()
    }

    /// The first rows of `Q'[z; 0]`.
    pub fn coefficients(&self) -> Vec<Twofold> {
        (0..self.rank).map(|i| self.right(i)).collect()
    }

    /// `R^{-T} P'f`.
    pub fn solve_transposed(&self, f: &[Twofold]) -> Vec<Twofold> {
        let mut y: Vec<Twofold> = self.pivots.iter().map(|&p| f[p]).collect();
        for i in 0..self.rank {
            for q in 0..i {
                y[i] = y[i] - self.r(q, i) * y[q];
            }
            y[i] = y[i] / self.r(i, i);
        }
        y
    }

    /// The first `n` rows of `Q`'s first columns, by rows, and of `z` less its fit.
    pub fn orthogonal(&self, n: usize) -> (Vec<Twofold>, Vec<Twofold>) {
        let (rank, rows, width) = (self.rank, self.place.len(), self.rank + 1);
        let mut q = vec![Twofold::ZERO; rows * width];
        (0..rank).for_each(|i| q[i * width + i] = Twofold::from(1.0));
        (rank..rows).for_each(|i| q[i * width + rank] = self.right(i));
        for reflector in self.reflectors.iter().rev() {
            (0..width).for_each(|c| reflector.apply(&mut q, width, c));
        }
        let at = |i: usize| self.place[i] * width;
        let columns = (0..n).flat_map(|i| q[at(i)..at(i) + rank].to_vec()).collect();
        (columns, (0..n).map(|i| q[at(i) + rank]).collect())
    }
}
