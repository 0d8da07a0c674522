//! Units with one common noise: in the eigenbasis of each matrix, only the means differ by unit.

use super::component::triangle;
use super::lineup::Lineup;
use super::map::Map;
use super::panels::Panels;
use super::plan::{Line, Plan, Scaled};
use super::work::{Common, Work};
use crate::Prior;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::normal_means::NormalMeans;
use crate::normal_means::problem::SharedNoise;
use crate::normal_means::shared::SharedBasis;
use rayon::prelude::*;

/// All that the units of a group share.
pub struct Tables<'a> {
    lines: Vec<LineTable<'a>>,
    dense: Vec<Table<'a>>,
}

/// A component of rank one: `a` has mean `coefficient * y`.
struct LineTable<'a> {
    scaled: &'a Scaled,
    f: &'a [f64],
    project: Vec<f64>,
    /// Coefficient and variance for each scale.
    moments: Vec<(f64, f64)>,
}

/// A component of rank two or more, and its scales.
struct Table<'a> {
    scaled: &'a Scaled,
    support: &'a [usize],
    rank: usize,
    project: Panels,
    lift: Panels,
    scales: Vec<ScaleTable>,
}

/// The moments at one scale: `E b = lift diag(coefficient) y`.
struct ScaleTable {
    coefficient: Vec<f64>,
    variance: Vec<f64>,
    precision: Vec<f64>,
    covariance: Vec<f64>,
}

impl<'a> Tables<'a> {
    /// `None` if they would lose digits.
    pub fn new(
        prior: &Prior,
        plan: &'a Plan,
        noise: &SharedNoise,
        map: &Map,
        covariance: bool,
    ) -> Option<Self> {
        let lines = plan.singletons.iter().map(|(line, ..)| line);
        let lines: Vec<&Line> = lines.chain(plan.lines.iter().flat_map(|(l, _)| l)).collect();
        let basis = |k: usize| SharedBasis::new(noise.whitener.as_ref(), &prior.factors[k]);
        let largest = |scaled: &Scaled| scaled.scales.iter().map(|s| s.0).fold(0.0, f64::max);
        let lines: Vec<_> =
            lines.into_par_iter().map(|l| LineTable::new(l, &basis(l.scaled.k))).collect();
        let dense: Vec<Option<Table>> = plan
            .dense
            .par_iter()
            .map(|d| {
                let mut basis = basis(d.scaled.k);
                if !basis.trusted(largest(&d.scaled)) {
                    return None;
                }
                basis.lift = map.lift(basis.lift);
                let table = Table::new(&d.scaled, &d.packed.support, &basis);
                Some(if covariance { table.with_covariances(&basis) } else { table })
            })
            .collect();
        let dense = dense.into_iter().collect::<Option<Vec<_>>>()?;
        noise.trusted.then_some(Self { lines, dense })
    }
}

impl<'a> LineTable<'a> {
    fn new(line: &'a Line, basis: &SharedBasis) -> Self {
        let sigma = basis.sigma[0];
        let moments = |&(w, _): &(f64, usize)| {
            let variance = w / (1.0 + w * sigma * sigma);
            (sigma * variance, variance)
        };
        Self {
            scaled: &line.scaled,
            f: &line.f,
            project: (0..basis.project.ncols()).map(|r| basis.project[(0, r)]).collect(),
            moments: line.scaled.scales.iter().map(moments).collect(),
        }
    }
}

impl<'a> Table<'a> {
    fn new(scaled: &'a Scaled, support: &'a [usize], basis: &SharedBasis) -> Self {
        let rank = basis.sigma.len();
        let (project, lift) = (&basis.project, &basis.lift);
        let scale = |&(w, _): &(f64, usize)| {
            let shrunk: Vec<f64> = basis.sigma.iter().map(|s| w / (1.0 + w * s * s)).collect();
            let coefficient = shrunk.iter().zip(&basis.sigma).map(|(v, s)| v * s).collect();
            let square =
                |r: &usize| -> f64 { (0..rank).map(|i| lift[(*r, i)].powi(2) * shrunk[i]).sum() };
            let variance: Vec<f64> = support.iter().map(square).collect();
            let precision = variance.iter().map(|v| (2.0 * v).max(1e-300).sqrt().recip()).collect();
            ScaleTable { coefficient, variance, precision, covariance: Vec::new() }
        };
        Self {
            scaled,
            support,
            rank,
            project: Panels::new(project.nrows(), project.ncols(), |i, r| project[(i, r)]),
            lift: Panels::new(support.len(), rank, |at, i| lift[(support[at], i)]),
            scales: scaled.scales.iter().map(scale).collect(),
        }
    }

    fn with_covariances(mut self, basis: &SharedBasis) -> Self {
        let lift = &basis.lift;
        for (table, &(w, _)) in self.scales.iter_mut().zip(&self.scaled.scales) {
            let shrunk: Vec<f64> = basis.sigma.iter().map(|s| w / (1.0 + w * s * s)).collect();
            table.covariance = vec![0.0; triangle(lift.nrows(), 0)];
            for (a, &i) in self.support.iter().enumerate() {
                for &p in &self.support[..=a] {
                    let term = |(c, v): (usize, &f64)| lift[(i, c)] * lift[(p, c)] * v;
                    table.covariance[triangle(i, p)] = shrunk.iter().enumerate().map(term).sum();
                }
            }
        }
        self
    }
}

/// Workspace for the batches of one group.
pub struct Shared<V> {
    x: Vec<V>,
    y: Vec<V>,
    shrunk: Vec<V>,
    mean: Vec<V>,
}

impl<V: Lanes> Shared<V> {
    pub fn new(conditions: usize) -> Self {
        let of = || vec![V::splat(0.0); conditions.div_ceil(8) * 8];
        Self { x: of(), y: of(), shrunk: of(), mean: of() }
    }

    /// All components of the units in the lanes.
    #[inline(always)]
    pub fn run(
        &mut self,
        means: &NormalMeans,
        tables: &Tables,
        positions: &[usize],
        lineup: &Lineup,
        work: &mut Work<V>,
    ) {
        for (x, column) in self.x.iter_mut().zip(means.x.chunks_exact(means.units)) {
            let mut lanes = [0.0; MAX_LANES];
            for (lane, value) in lanes[..V::N].iter_mut().enumerate() {
                *value = column[positions[lane.min(positions.len() - 1)]];
            }
            *x = V::load(&lanes);
        }
        for table in tables.lines.iter().filter(|table| lineup.any(table.scaled)) {
            let mut y = V::splat(0.0);
            for (&q, &x) in table.project.iter().zip(&self.x) {
                y = V::splat(q).mul_add(x, y);
            }
            for (&(c, variance), &(_, column)) in table.moments.iter().zip(&table.scaled.scales) {
                if let Some(weight) = lineup.weight(column) {
                    work.add_line(weight, table.f, V::splat(c) * y, V::splat(variance));
                }
            }
        }
        for table in tables.dense.iter().filter(|table| lineup.any(table.scaled)) {
            self.dense(table, lineup, work);
        }
    }

    #[inline(always)]
    fn dense(&mut self, table: &Table, lineup: &Lineup, work: &mut Work<V>) {
        table.project.multiply(&self.x, &mut self.y);
        for (scale, &(_, column)) in table.scales.iter().zip(&table.scaled.scales) {
            let Some(weight) = lineup.weight(column) else { continue };
            for ((to, &y), &c) in self.shrunk.iter_mut().zip(&self.y).zip(&scale.coefficient) {
                *to = V::splat(c) * y;
            }
            table.lift.multiply(&self.shrunk[..table.rank], &mut self.mean);
            let ScaleTable { variance, precision, covariance, .. } = scale;
            let spread = Common { variance, precision, covariance };
            work.add(weight, table.support, &self.mean, &spread);
        }
    }
}
