# Priors that are learnt from the data when none is given. What learns them stands above the models
# that use them; these call it by this generic.

# Prior covariances for mash data, as a named list `U`, and what they were learnt from (`learnt`):
# see learn_prior(), whose defaults it takes.
learnt_matrices <- function(data, n_threads) UseMethod("learnt_matrices")

# How much larger than their lfsr errors under the prior `g`, learnt from mash data, are: the
# `lfsr_map` of R/prior-lfsr-map.R.
learnt_lfsr_map <- function(data, g, n_threads) UseMethod("learnt_lfsr_map")

# The priors of R/mash-held-out.R for `folds` parts of mash data.
learnt_held_out <- function(data, folds, n_threads) UseMethod("learnt_held_out")
