//! The data of a normal-means problem, arranged so that units whose noise has the same form are
//! contiguous.
//!
//! The noise of unit `j` is `N_j = S_j V_j S_j` over its observed cells. How much work a unit needs
//! depends on what it shares with others:
//! - `Shared`: many units have the same standard errors and the same observed cells, so one
//!   eigendecomposition per prior matrix serves them all (EZ data; missing patterns that recur);
//! - `Diagonal`: V is diagonal; `Scaled`: V is common and the unit complete; `Own`: anything else (V
//!   by unit, or missing cells with correlated noise). These are whitened unit by unit, in lanes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use faer::Mat;

use super::correlation::{CommonCorrelation, Correlation, Whitener};
use crate::{Error, memory};

/// `log 2 pi`.
pub const LOG_2_PI: f64 = 1.837_877_066_409_345_5;

/// Units per block: the grain of parallel work, of interrupts and of streaming.
pub const BLOCK: usize = 240;

/// What a caller has: J units by R conditions, by columns.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// The number of units, J.
    pub units: usize,
    /// The number of conditions, R.
    pub conditions: usize,
    /// The effects. NaN marks a missing cell.
    pub x: &'a [f64],
    /// Their standard errors, positive; not looked at where the effect is missing.
    pub s: &'a [f64],
    /// Their correlation.
    pub v: Correlation<'a>,
}

/// Noise that is the same for all units of a group.
#[derive(Debug, Clone)]
pub struct SharedNoise {
    /// The observed conditions.
    pub observed: Vec<usize>,
    /// `W`, observed by R: `W N W' = I`, with a zero column for each missing condition.
    pub whitener: Mat<f64>,
    /// `-1/2 (n log 2 pi + log det N)`.
    pub constant: f64,
    /// Whether they have their digits: not if V is nearly singular.
    pub trusted: bool,
}

/// The form of the noise of a group of units.
#[derive(Debug, Clone)]
pub enum GroupNoise {
    /// One covariance for all.
    Shared(SharedNoise),
    /// Diagonal V: the whitener is `diag(1 / (s sqrt v))`.
    Diagonal,
    /// Common V, complete units: the whitener is `L^{-1} diag(1 / s)` with `LL' = V`.
    Scaled,
    /// V or the observed cells differ by unit: `L^{-1}` is found for each.
    Own,
}

/// Units that are contiguous after arranging, with noise of one form.
#[derive(Debug, Clone)]
pub struct Group {
    /// Arranged positions.
    pub range: Range<usize>,
    /// Their noise.
    pub noise: GroupNoise,
}

/// Contiguous units of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Which group.
    pub group: usize,
    /// Arranged positions.
    pub range: Range<usize>,
}

/// A normal-means problem. Missing cells have `x = 0` and `s` infinite here.
#[derive(Debug)]
pub struct NormalMeans<'a> {
    /// The number of units, J.
    pub units: usize,
    /// The number of conditions, R.
    pub conditions: usize,
    /// Effects, J by R by columns, in arranged order.
    pub x: Cow<'a, [f64]>,
    /// Standard errors, likewise.
    pub s: Cow<'a, [f64]>,
    /// The correlation, in the caller's order.
    pub v: Correlation<'a>,
    /// `L^{-1}` by rows and `log det V` of a common V; the square roots of a diagonal V.
    pub common: CommonCorrelation,
    /// The groups, in arranged order.
    pub groups: Vec<Group>,
    /// The caller's row of each arranged position; `None` if they are the same.
    pub order: Option<Vec<usize>>,
}

impl<'a> NormalMeans<'a> {
    /// Check the data and arrange them. O(JR), plus O(R^3) for each group of shared noise.
    pub fn new(data: Data<'a>) -> Result<Self, Error> {
        check(&data)?;
        let common = CommonCorrelation::new(&data.v, data.conditions)?;
        memory::room(2 * data.x.len())?;
        let (x, s) = clean(&data);
        let mut means = Self {
            units: data.units,
            conditions: data.conditions,
            x,
            s,
            v: data.v,
            common,
            groups: Vec::new(),
            order: None,
        };
        means.arrange()?;
        Ok(means)
    }

    /// The blocks of units, in arranged order: the same for any number of threads.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (group, g) in self.groups.iter().enumerate() {
            for start in g.range.clone().step_by(BLOCK) {
                blocks.push(Block { group, range: start..(start + BLOCK).min(g.range.end) });
            }
        }
        blocks
    }

    /// The caller's row of an arranged position.
    #[inline]
    pub fn row(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position])
    }

    /// Put a J-vector in arranged order back into the caller's.
    pub fn restore(&self, column: &mut [f64]) {
        if let Some(order) = &self.order {
            let arranged = column.to_vec();
            for (&row, value) in order.iter().zip(arranged) {
                column[row] = value;
            }
        }
    }

    /// Whether the cell of an arranged position is observed.
    #[inline]
    pub fn observed(&self, position: usize, condition: usize) -> bool {
        self.s[condition * self.units + position].is_finite()
    }

    /// The noise of a group as that of single units.
    pub fn unit_noise(&self, group: usize) -> GroupNoise {
        match (&self.groups[group].noise, &self.common) {
            (GroupNoise::Own, _) => GroupNoise::Own,
            (_, CommonCorrelation::Diagonal(_)) => GroupNoise::Diagonal,
            (GroupNoise::Scaled, _) => GroupNoise::Scaled,
            (GroupNoise::Shared(shared), CommonCorrelation::Full(_))
                if shared.observed.len() == self.conditions =>
            {
                GroupNoise::Scaled
            }
            _ => GroupNoise::Own,
        }
    }

    /// Sort units into groups, and permute the data if they are not contiguous already.
    fn arrange(&mut self) -> Result<(), Error> {
        let (labels, shared) = match self.v.by_unit() {
            true => (vec![usize::MAX; self.units], Vec::new()),
            false => self.recurring_noise(),
        };
        let diagonal = matches!(self.common, CommonCorrelation::Diagonal(_));
        let per_unit = self.v.by_unit();
        // The place of a unit's group: shared ones first, then common whitening, then own.
        let incomplete = self.incomplete();
        let place = |j: usize| match labels[j] {
            usize::MAX if per_unit || (!diagonal && incomplete[j]) => shared.len() + 1,
            usize::MAX => shared.len(),
            label => label,
        };
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); shared.len() + 2];
        for j in 0..self.units {
            members[place(j)].push(j);
        }
        let mut order = Vec::with_capacity(self.units);
        for (g, units) in members.iter().enumerate().filter(|(_, units)| !units.is_empty()) {
            let range = order.len()..order.len() + units.len();
            let noise = match g {
                g if g < shared.len() => GroupNoise::Shared(self.shared_noise(shared[g])?),
                g if g > shared.len() => GroupNoise::Own,
                _ if diagonal => GroupNoise::Diagonal,
                _ => GroupNoise::Scaled,
            };
            self.groups.push(Group { range, noise });
            order.extend_from_slice(units);
        }
        if order.iter().enumerate().any(|(i, &j)| i != j) {
            let permute = |from: &[f64]| -> Vec<f64> {
                let columns = from.chunks_exact(self.units);
                columns.flat_map(|column| order.iter().map(|&j| column[j])).collect()
            };
            memory::room(2 * self.x.len())?;
            let (x, s) = (permute(&self.x), permute(&self.s));
            self.x = Cow::Owned(x);
            self.s = Cow::Owned(s);
            self.order = Some(order);
        }
        Ok(())
    }

    /// Which units have a missing cell.
    fn incomplete(&self) -> Vec<bool> {
        let mut out = vec![false; self.units];
        for column in self.s.chunks_exact(self.units) {
            for (flag, s) in out.iter_mut().zip(column) {
                *flag |= s.is_infinite();
            }
        }
        out
    }

    /// Find rows of standard errors that recur often enough to be worth an eigendecomposition each.
    /// Returns a label per unit (`usize::MAX`: none) and a representative unit per label.
    fn recurring_noise(&self) -> (Vec<usize>, Vec<usize>) {
        let (j, r) = (self.units, self.conditions);
        let mut labels = vec![usize::MAX; j];
        if j == 0 {
            return (labels, Vec::new());
        }
        let same = |a: usize, b: usize| (0..r).all(|i| self.s[i * j + a] == self.s[i * j + b]);
        if (1..j).all(|b| same(0, b)) {
            return (vec![0; j], vec![0]);
        }
        let mut hash = vec![0_u64; j];
        for column in self.s.chunks_exact(j) {
            for (h, s) in hash.iter_mut().zip(column) {
                *h = (h.rotate_left(5) ^ s.to_bits()).wrapping_mul(0x517c_c1b7_2722_0a95);
            }
        }
        if !recurs(&hash) {
            return (labels, Vec::new());
        }
        let mut first: HashMap<u64, (usize, usize)> = HashMap::new();
        for (unit, &h) in hash.iter().enumerate() {
            first.entry(h).or_insert((unit, 0)).1 += 1;
        }
        let worth = 16 + r;
        let mut shared: Vec<usize> =
            first.values().filter(|(_, count)| *count >= worth).map(|&(unit, _)| unit).collect();
        shared.sort_unstable();
        let label: HashMap<u64, usize> =
            shared.iter().enumerate().map(|(g, &unit)| (hash[unit], g)).collect();
        for unit in 0..j {
            // Equal hashes of unequal rows are possible: compare.
            if let Some(&g) = label.get(&hash[unit]) {
                if same(shared[g], unit) {
                    labels[unit] = g;
                }
            }
        }
        (labels, shared)
    }

    /// The whitener that unit `j` (before arranging) shares with others.
    fn shared_noise(&self, j: usize) -> Result<SharedNoise, Error> {
        let r = self.conditions;
        let s = |i: usize| self.s[i * self.units + j];
        let observed: Vec<usize> = (0..r).filter(|&i| s(i).is_finite()).collect();
        let n = observed.len();
        let mut v = vec![0.0; r * r];
        self.v.lower(j, self.units, r, &mut v);
        let v = Mat::from_fn(n, n, |i, p| v[observed[i.max(p)] * r + observed[i.min(p)]]);
        // The standard errors are scaled out first: they may be far apart.
        let found = Whitener::new(v.as_ref()).ok_or(Error::SingularNoise { unit: j })?;
        let Whitener { inverse: w, log_det, trusted } = found;
        let mut whitener = Mat::zeros(n, r);
        for (p, &condition) in observed.iter().enumerate() {
            for i in 0..n {
                whitener[(i, condition)] = w[(i, p)] / s(condition);
            }
        }
        let log_s: f64 = observed.iter().map(|&i| s(i).ln()).sum();
        let constant = -0.5 * (n as f64 * LOG_2_PI + log_det) - log_s;
        Ok(SharedNoise { observed, whitener, constant, trusted })
    }
}

/// Whether values recur among some thousands of them. If none does, what recurs at all is too rare to
/// be worth looking for. Steps of the golden ratio miss no periodic pattern.
fn recurs(hash: &[u64]) -> bool {
    const ENOUGH: usize = 4096;
    let n = hash.len();
    let mut some: Vec<u64> = if n <= ENOUGH {
        hash.to_vec()
    } else {
        let step = (n as f64 * 0.618_033_988_749_894_8) as usize;
        (0..ENOUGH).map(|k| hash[k * step % n]).collect()
    };
    some.sort_unstable();
    some.windows(2).any(|pair| pair[0] == pair[1])
}

/// Shapes and values.
pub(super) fn check(data: &Data) -> Result<(), Error> {
    let (j, r) = (data.units, data.conditions);
    for (name, found) in [("x", data.x.len()), ("s", data.s.len())] {
        if found != j * r {
            return Err(Error::Shape { name, expected: j * r, found });
        }
    }
    data.v.check(j, r)?;
    for (i, (x, s)) in data.x.iter().zip(data.s).enumerate() {
        let at = || format!("row {}, column {}", i % j + 1, i / j + 1);
        if x.is_infinite() {
            return Err(Error::Value { name: "x", why: format!("is infinite at {}", at()) });
        }
        let usable = s.is_finite() && *s > 0.0;
        if !(x.is_nan() || usable) {
            let why = format!("must be positive and finite, but is {s} at {}", at());
            return Err(Error::Value { name: "s", why });
        }
    }
    Ok(())
}

/// Effects with zeros, and standard errors with infinities, at the missing cells.
fn clean<'a>(data: &Data<'a>) -> (Cow<'a, [f64]>, Cow<'a, [f64]>) {
    if !data.x.iter().any(|x| x.is_nan()) {
        return (Cow::Borrowed(data.x), Cow::Borrowed(data.s));
    }
    let x = data.x.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect();
    let mask = |(x, s): (&f64, &f64)| if x.is_nan() { f64::INFINITY } else { *s };
    let s = data.x.iter().zip(data.s).map(mask).collect();
    (Cow::Owned(x), Cow::Owned(s))
}

#[cfg(test)]
mod tests;
