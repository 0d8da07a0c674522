//! Priors: mixtures of normals in many dimensions, and in one.

use mnmash_core::Prior;
use mnmash_core::linalg::psd;
use mnmash_core::normal_means::{Beside, Product};

use crate::read::{Field, Fields, Outcome, Table, refuse};

/// A mixture of normals: `list(U, grid, scales, weights, null, product)`.
pub struct Mixture<'a> {
    pub prior: Prior,
    /// Of the components, in their order.
    pub weights: Option<&'a [f64]>,
    /// The component of independent effects: `list(variances, weights, weight)`, or NULL.
    pub beside: Option<Beside>,
}

impl<'a> Mixture<'a> {
    /// `U`: matrices of `conditions`, perhaps with names. Either `grid`: numbers whose squares
    /// multiply each matrix, or `scales`: for each matrix what it is multiplied by. `weights`: one
    /// for each component, or NULL. `null`: whether the first component is the point zero. For a
    /// function that knows normals only: there is no product.
    pub fn read(list: &Fields<'a>, conditions: usize) -> Outcome<Self> {
        let found = Self::read_with_product(list, conditions)?;
        match found.beside {
            None => Ok(found),
            Some(_) => refuse("prior$product must be NULL here"),
        }
    }

    /// The same, perhaps with a product.
    pub fn read_with_product(list: &Fields<'a>, conditions: usize) -> Outcome<Self> {
        let named = matrices(&list.get("U")?, conditions)?;
        let null = list.flag("null")?;
        let grid = list.maybe("grid", |g| g.numbers())?;
        let scales = list.maybe("scales", |s| {
            s.items()?.iter().map(|(_, s)| Ok(s.numbers()?.to_vec())).collect::<Outcome<Vec<_>>>()
        })?;
        let named: Vec<(&str, &[f64])> = named.iter().map(|(n, u)| (n.as_str(), *u)).collect();
        let prior = match (grid, scales) {
            (Some(grid), None) => Prior::new(conditions, &named, grid, null)?,
            (None, Some(scales)) => {
                let factor = |(name, u): &(&str, &[f64])| psd::factor(conditions, u, name);
                let factors = named.iter().map(factor).collect::<Result<_, _>>()?;
                Prior::scaled(conditions, factors, scales, null)?
            }
            _ => return refuse("prior must have either grid or scales"),
        };
        let weights = list.maybe("weights", |w| w.numbers_of(prior.len()))?;
        let beside = list.maybe("product", |p| {
            p.read(|p| {
                let variances = p.get("variances")?.numbers()?;
                let weights = p.get("weights")?.matrix_of(variances.len(), conditions)?.values;
                let product = Product::new(conditions, variances, weights)?;
                Ok(Beside { product, weight: p.number("weight")? })
            })
        })?;
        Ok(Self { prior, weights, beside })
    }

    /// The number of components with weights, the product among them.
    pub fn len(&self) -> usize {
        self.prior.len() + usize::from(self.beside.is_some())
    }

    /// With other weights of all components.
    pub fn fitted<'b>(self, weights: &'b [f64]) -> Mixture<'b> {
        let (of_normals, of_product) = weights.split_at(self.prior.len());
        let beside = self.beside.zip(of_product.first());
        let beside = beside.map(|(beside, &weight)| Beside { weight, ..beside });
        Mixture { prior: self.prior, weights: Some(of_normals), beside }
    }

    /// For a function that needs the weights; with a product, those given that it is not that.
    pub fn weighted(self) -> Outcome<Prior> {
        match self.weights {
            Some(weights) => {
                let given = self.beside.is_some().then(|| Beside::given_others(weights));
                Ok(self.prior.with_weights(given.as_deref().unwrap_or(weights))?)
            }
            None => refuse("prior$weights must be given; it is NULL"),
        }
    }
}

/// Covariance matrices, and what to call them.
fn matrices<'a>(list: &Field<'a>, conditions: usize) -> Outcome<Vec<(String, &'a [f64])>> {
    let named = |(k, (name, u)): (usize, &(&str, Field<'a>))| {
        let label = match *name {
            "" | "NA" => format!("prior covariance {}", k + 1),
            name => format!("prior covariance '{name}'"),
        };
        Ok((label, u.matrix_of(conditions, conditions)?.values))
    };
    list.items()?.iter().enumerate().map(named).collect()
}

/// Mixtures of normals in one dimension, a column for each of several fits:
/// `list(variances, weights, relative, slab)`.
pub struct Scalars<'a> {
    pub variances: Table<'a>,
    /// NULL for those that the coefficients to start from suggest.
    pub weights: Option<Table<'a>>,
    /// Whether the variances are in units of the residual variance.
    pub relative: bool,
    /// What is known of the largest variance, if it is to be found: its prior value, and how much
    /// that counts.
    pub slab: Option<(f64, f64)>,
}

impl<'a> Scalars<'a> {
    pub fn read(list: &Fields<'a>, fits: usize) -> Outcome<Self> {
        let variances = list.get("variances")?.matrix_by(fits)?;
        let weights = list.maybe("weights", |w| w.matrix_of(variances.rows, fits))?;
        let slab = list.maybe("slab", Field::pair)?;
        Ok(Self { variances, weights, relative: list.flag("relative")?, slab })
    }

    /// Where there is zero and one variance more: of a fit, the weight of the latter, and itself.
    pub fn spike_and_slab(&self, fit: usize) -> Outcome<(f64, f64)> {
        match (self.variances.column(fit), self.weights.map(|w| w.column(fit))) {
            (&[0.0, slab], Some(&[_, inclusion])) => Ok((inclusion, slab)),
            _ => refuse("prior$variances must be zero and one number more"),
        }
    }
}
