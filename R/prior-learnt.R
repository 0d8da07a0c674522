# Priors that are learnt from the data when none is given. What learns them stands above the models
# that use them; these call it by this generic.

# Prior covariances for mash data, as a named list `U`, and what they were learnt from (`learnt`):
# see learn_prior(), whose defaults it takes.
learnt_matrices <- function(data, n_threads) UseMethod("learnt_matrices")
