# What the lfsr under a learnt prior are raised to, where few units taught it.
#
# `lfsr_map` of a prior is list(lfsr, error): local false sign rates under it, ascending, and how
# often signs with such a rate were wrong in simulations in which the prior was learnt anew. In
# between, and from the last to 1 at 1, the logarithm of the error is linear in that of the lfsr,
# and below the first the ratio of the two stays what it is: the order of lfsr never changes.

raised <- function(lfsr, map) {
  at <- log(c(map$lfsr, if (max(map$lfsr) < 1) 1))
  lost <- c(log(map$error) - log(map$lfsr), if (max(map$lfsr) < 1) 0)
  more <- stats::approx(at, lost, log(pmax(lfsr, 1e-300)), rule = 2)$y
  pmin(lfsr * exp(pmax(more, 0)), 1)
}

# Posteriors of the effects themselves, with lfsr raised, and as they were under a name of its own.
with_raised_lfsr <- function(result, g) {
  if (is.null(g$lfsr_map) || is.null(result)) return(result)
  result$lfsr_unmapped <- result$lfsr
  result$lfsr[] <- raised(as.vector(result$lfsr), g$lfsr_map)
  result
}

# A map in a prior, checked; `name` is the prior's.
check_lfsr_map <- function(map, name) {
  rates <- \(x) is.numeric(x) && length(x) > 1L && all(is.finite(x) & x > 0 & x <= 1)
  ours <- is.list(map) && rates(map$lfsr) && rates(map$error) &&
    length(map$lfsr) == length(map$error) && !is.unsorted(map$lfsr, strictly = TRUE) &&
    !is.unsorted(map$error)
  if (!ours) {
    stop_mnmash(
      "type", as_typed(paste0(name, "$lfsr_map")), " must be a list of `lfsr` and `error`, ",
      "ascending rates between 0 and 1, as learn_prior() makes it"
    )
  }
  map[c("lfsr", "error")]
}
