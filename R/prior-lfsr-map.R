# What the lfsr under a learnt prior are raised to, where few units taught it.
#
# `lfsr_map` of a prior is list(lfsr, error): local false sign rates under it, ascending, and how
# often signs with such a rate were wrong in simulations in which the prior was learnt anew. In
# between, and from the last to 1 at 1, the logarithm of the error is linear in that of the lfsr,
# and below the first the ratio of the two stays what it is: the order of lfsr never changes. An
# entry `contrast`, if there is one, is the same for contrasts of effects.

raised <- function(lfsr, map) {
  at <- log(c(map$lfsr, if (max(map$lfsr) < 1) 1))
  lost <- c(log(map$error) - log(map$lfsr), if (max(map$lfsr) < 1) 0)
  more <- stats::approx(at, lost, log(pmax(lfsr, 1e-300)), rule = 2)$y
  pmin(lfsr * exp(pmax(more, 0)), 1)
}

# That of a prior, where it is one that says more than covariances do.
map_of_prior <- function(prior) if (is.object(prior)) prior[["lfsr_map"]]

# Posteriors of effects, or of functions `A` of them, with lfsr raised, and as they were under a
# name of its own.
with_raised_lfsr <- function(result, g, A = NULL) {
  map <- g$lfsr_map
  if (is.null(map) || is.null(result)) return(result)
  result$lfsr_unmapped <- result$lfsr
  # A multiple of one effect has its sign.
  contrast <- if (is.null(A)) logical(ncol(result$lfsr)) else rowSums(as.matrix(A) != 0) > 1
  for (kind in unique(contrast)) {
    columns <- contrast == kind
    own <- if (kind) map$contrast %||% map else map
    result$lfsr[, columns] <- raised(as.vector(result$lfsr[, columns]), own)
  }
  result
}

# What fine-mapping says of the sign of one of its effects, at each place, with the errors raised.
with_raised_errors <- function(effect, map) {
  if (is.null(map)) return(effect)
  for (what in c("lfsr", "not_positive", "not_negative")) {
    effect[[what]][] <- raised(as.vector(effect[[what]]), map)
  }
  effect
}

# A map in a prior, checked; `name` is the prior's.
check_lfsr_map <- function(map, name, entry = "lfsr_map") {
  if (is.list(map) && !is.null(map$contrast)) {
    map$contrast <- check_lfsr_map(map$contrast, paste0(name, "$lfsr_map"), "contrast")
  }
  rates <- \(x) is.numeric(x) && length(x) > 1L && all(is.finite(x) & x > 0 & x <= 1)
  ours <- is.list(map) && rates(map$lfsr) && rates(map$error) &&
    length(map$lfsr) == length(map$error) && !is.unsorted(map$lfsr, strictly = TRUE) &&
    !is.unsorted(map$error)
  if (!ours) {
    stop_mnmash(
      "type", as_typed(paste0(name, "$", entry)), " must be a list of `lfsr` and `error`, ",
      "ascending rates between 0 and 1, as learn_prior() makes it"
    )
  }
  map[intersect(names(map), c("lfsr", "error", if (entry == "lfsr_map") "contrast"))]
}
