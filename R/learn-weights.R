# The weights of a learnt prior.

# Weights of matrices by random units, with a product if it is needed: list(g, convergence).
learn_weights <- function(random, U, how) {
  m <- mash(
    random, U, outputlevel = 1, verbose = FALSE, n_threads = how$n_threads, product = how$product
  )
  list(g = fit_prior(m), convergence = m$convergence)
}
