//! The components that have weight, each on the path that is best for it.

use super::component::Packed;
use super::map::Map;
use crate::linalg::psd::Factor;
use crate::normal_means::batch::PackedFactor;
use crate::{Error, Prior};

/// One prior matrix and its scales that have weight: `w_l^2` and the column of the weights.
#[derive(Debug)]
pub struct Scaled {
    pub k: usize,
    pub scales: Vec<(f64, usize)>,
}

/// A component of rank one: its moments in all results `f a` follow from those of `a`.
#[derive(Debug)]
pub struct Line {
    pub scaled: Scaled,
    pub f: Vec<f64>,
    /// That of the effects.
    pub factor: Factor,
}

/// A component of rank two or more.
#[derive(Debug)]
pub struct Dense {
    pub scaled: Scaled,
    pub packed: Packed,
    pub factor: PackedFactor,
    /// The factors of the effects, and of the results if they are not the effects.
    pub of: (Factor, Option<Factor>),
}

/// Where a component has no variance.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Results that are zero under it.
    pub zeros: Vec<usize>,
    /// Whether there may be others, of some units.
    pub by_unit: bool,
}

/// All components with weight.
#[derive(Debug, Default)]
pub struct Plan {
    /// Columns of the weights of components without any variance.
    pub null: Vec<usize>,
    /// One condition with variance, which, and its entry of the factor.
    pub singletons: Vec<(Line, usize, f64)>,
    /// Rank one, up to four whitened side by side.
    pub lines: Vec<(Vec<Line>, PackedFactor)>,
    pub dense: Vec<Dense>,
    /// By column of the weights; nothing if its component has no variance at all.
    pub reach: Vec<Option<Reach>>,
}

impl Plan {
    /// From the components (by their number in the prior) that the columns of the weights are for.
    pub fn new(prior: &Prior, active: &[usize], map: &Map) -> Result<Self, Error> {
        let mut scales: Vec<Vec<(f64, usize)>> = vec![Vec::new(); prior.factors.len()];
        let mut plan = Self { reach: vec![None; active.len()], ..Self::default() };
        for (column, &p) in active.iter().enumerate() {
            if p >= prior.len() {
                let why = format!("names component {}, but there are {}", p + 1, prior.len());
                return Err(Error::Value { name: "active", why });
            }
            match prior.locate(p) {
                Some((k, l)) if prior.factors[k].rank > 0 && prior.scales[k][l] > 0.0 => {
                    scales[k].push((prior.scales[k][l], column));
                }
                _ => plan.null.push(column),
            }
        }
        let mut lines = Vec::new();
        for (k, scales) in scales.into_iter().enumerate().filter(|(_, s)| !s.is_empty()) {
            plan.place(&prior.factors[k], Scaled { k, scales }, map, &mut lines);
        }
        while !lines.is_empty() {
            let four: Vec<Line> = lines.drain(..lines.len().min(4)).collect();
            let factors: Vec<&Factor> = four.iter().map(|l| &prior.factors[l.scaled.k]).collect();
            let packed = PackedFactor::of_rank_ones(&factors);
            plan.lines.push((four, packed));
        }
        Ok(plan)
    }

    fn place(&mut self, factor: &Factor, scaled: Scaled, map: &Map, lines: &mut Vec<Line>) {
        let mapped = map.apply(factor);
        let by_unit = matches!(map, Map::Scaled(_));
        let zeros = (0..mapped.rows).filter(|r| !by_unit && !mapped.support.contains(r));
        let reach = Reach { zeros: zeros.collect(), by_unit };
        scaled.scales.iter().for_each(|(_, column)| self.reach[*column] = Some(reach.clone()));
        let line = |scaled| Line { scaled, f: mapped.values.clone(), factor: factor.clone() };
        match (factor.rank, &factor.support[..]) {
            (1, &[r]) => self.singletons.push((line(scaled), r, factor.row(r)[0])),
            (1, _) => lines.push(line(scaled)),
            _ => {
                let (packed, of) = (Packed::new(&mapped), factor.clone());
                let of = (of, map.fixed().map(|_| mapped));
                self.dense.push(Dense { scaled, packed, factor: PackedFactor::new(factor), of });
            }
        }
    }

    /// The largest number of columns (padded) of a dense component.
    pub fn widest(&self) -> usize {
        self.dense.iter().map(|d| d.packed.columns).max().unwrap_or(0)
    }
}
