//! Effects that are put somewhere before they are visited.

use faer::Mat;

use super::background::second_moments;
use super::model::{Effect, Start};
use super::sweeps::{Sweeps, absent};
use crate::{Error, Monitor};

impl Sweeps<'_> {
    /// Put effects where `starts` say, as many as there are. Where they are, and their scales, are
    /// found anew at their first visit: until then they only take their part of the residual.
    pub fn put(&mut self, starts: &[Start]) {
        let taken: Vec<usize> = if self.live.is_empty() {
            let n = starts.len().min(self.out.len());
            self.live = self.out.drain(..n).collect();
            self.live.clone()
        } else {
            self.live.clone()
        };
        for (&l, start) in taken.iter().zip(starts) {
            let mean = self.design.in_coordinates(start.mean.as_ref());
            self.place(l, start.variables.clone(), mean);
        }
    }

    /// Put effect `l` at some variables, with means (times the probabilities) in the coordinates of
    /// the region.
    pub fn place(&mut self, l: usize, active: Vec<usize>, mean: Mat<f64>) {
        self.residual += &self.effects[l].fitted;
        let scale = self.options.scale;
        let mut effect = Effect { active, mean, ..absent(&*self.design, self.prior, scale) };
        effect.fitted = self.design.fitted(&effect.active, effect.mean.as_ref());
        self.residual -= &effect.fitted;
        self.effects[l] = effect;
        self.placed.push(l);
    }

    /// Bring in an effect that is out, if there is one.
    pub fn bring_in(&mut self) -> Option<usize> {
        let l = *self.out.first()?;
        self.out.remove(0);
        self.live.push(l);
        Some(l)
    }

    /// Take all effects out.
    pub fn clear(&mut self) {
        for l in std::mem::take(&mut self.live) {
            self.effects[l] = absent(&*self.design, self.prior, 0.0);
        }
        self.out = (0..self.effects.len()).collect();
        self.residual = self.design.start().clone();
        self.placed.clear();
    }

    /// Let the residual covariance move.
    pub fn free_noise(&mut self) {
        self.noise.structure = self.options.residual;
    }

    /// The covariances of residuals and background given the effects, and what the region makes of
    /// the effects then.
    pub fn renew(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let design = &*self.design;
        let one = |&l: &usize| second_moments(design, self.prior, &self.effects[l], monitor);
        let second = self.live.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<_> = self.live.iter().map(|&l| self.effects[l].part()).collect();
        self.design.renew(&parts, &second)?;
        self.residual = self.design.start().clone();
        for &l in &self.live {
            let effect = &mut self.effects[l];
            effect.fitted = self.design.fitted(&effect.active, effect.mean.as_ref());
            self.residual -= &effect.fitted;
        }
        self.coordinates = self.design.coordinates(&self.basis);
        Ok(())
    }
}
