# The prior as an object that is handed from one model to another: b ~ null_weight delta_0 +
# sum_k w_k N(0, U_k).

#' A prior to hand from one model to another
#'
#' `as_prior()` turns what other functions and other programs call a prior into one object: a
#' mixture of normal distributions with covariances `U`, weights `w`, and a point mass at zero. It
#' is what [mixture_prior()] returns, and what fits take.
#'
#' The result is a density: the effects of a unit (z-scores if `effect_model` is `"EZ"`) are zero
#' with probability `null_weight`, and else, with probability `w[k]`, a draw of `N(0, U[[k]])`.
#'
#' A fit of [mash()] has weights for matrices times scales. `scales = "expand"` makes a matrix of
#' each matrix and scale with a weight above `pi_thresh` (the same density); `"collapse"` keeps one
#' for each matrix, with the variance averaged over its scales (fewer matrices, the same second
#' moments).
#'
#' @section Layouts of lists:
#' - a named list of matrices, without weights: equal weights, with a message;
#' - `list(U, w)`, perhaps with more entries. An entry of `w` that is named `"null"` and has no
#'   matrix is the weight of the null. Such files hold weights of matrices that were rescaled while
#'   the weights were estimated; the scales are not in the file and cannot be restored;
#' - `list(U, w)`, or a list of matrices, with elements `list(mat, s)`: a matrix and its scale,
#'   1 if there is none;
#' - `list(matrices, weights)`, perhaps with `null_weight`, where `weights` are those given that
#'   there is an effect; `list(S0, w0)`; and `fitted_g` of [mash()].
#'
#' Matrices of zeros become part of the null. Weights are divided by their sum.
#'
#' @param x a fit of [mash()], a list in one of the layouts below, or a prior already.
#' @param ... further arguments, for methods.
#' @param conditions names of the R conditions, for matrices without row and column names.
#' @param scales what to do with the scales of a fit: `"expand"` or `"collapse"`.
#' @param pi_thresh components with weights up to this are dropped.
#'
#' @return An object of class `mnmash_prior`, a list of
#' - `U`: named list of R x R matrices with the names of the conditions, positive semi-definite;
#' - `w`: their weights, with the names of `U`; they sum to `1 - null_weight`;
#' - `null_weight`: the probability of no effect in any condition;
#'
#' and what else is known: `effect_model` (`"EE"` or `"EZ"`), `V`, `grid`, `pi`, `loglik` and more.
#' @seealso [as_mashr()] for the way back, [mixture_prior()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' as_prior(m)
#' as_prior(m, scales = "collapse")
#' as_prior(list(U = cov_canonical(data)[1:2], w = c(0.3, 0.7)))
as_prior <- function(x, ...) UseMethod("as_prior")

#' @rdname as_prior
#' @export
as_prior.default <- function(x, ...) {
  stop_mnmash("type", "`x` must be a prior, a fit or a list of matrices, not ", class(x)[1L])
}

#' @rdname as_prior
#' @export
as_prior.mnmash_prior <- function(x, ...) {
  if (!is.list(x) || !is.list(x[["U"]]) || length(x[["w"]]) != length(x[["U"]])) {
    stop_mnmash("type", "`x` is no prior: it lacks the matrices `U` or their weights `w`")
  }
  x
}

#' @rdname as_prior
#' @export
as_prior.mash <- function(x, scales = c("expand", "collapse"), pi_thresh = 1e-10,
                          conditions = NULL, ...) {
  if (is.null(x$fitted_g)) {
    stop_mnmash("type", "`x` has no prior: it holds data; give a fit of mash()")
  }
  if (is.null(conditions)) {
    conditions <- colnames(x$result$PosteriorMean)
    if (length(conditions) != NROW(x$fitted_g$Ulist[[1L]])) conditions <- NULL
  }
  prior_from_g(x$fitted_g, scales, pi_thresh, conditions, effect_model(x$alpha))
}

#' @rdname as_prior
#' @export
as_prior.list <- function(x, conditions = NULL, ...) {
  if (!is.null(x[["fitted_g"]])) {
    model <- effect_model(x[["alpha"]])
    return(prior_from_g(x[["fitted_g"]], ..., conditions = conditions, model = model))
  }
  if (is.list(x[["Ulist"]])) return(prior_from_g(x, ..., conditions = conditions))
  null_weight <- 0
  extra <- list()
  if (is.list(x[["U"]])) {
    U <- x[["U"]]
    w <- x[["w"]]
    if (!is.null(x[["null_weight"]])) null_weight <- x[["null_weight"]]
    extra <- x[setdiff(names(x), c("U", "w", "null_weight"))]
  } else if (is.list(x[["matrices"]])) {
    U <- x[["matrices"]]
    w <- x[["weights"]]
    if (!is.null(x[["null_weight"]])) {
      null_weight <- check_number(x[["null_weight"]], name = "null_weight", 0, 1)
    }
    if (!is.null(w)) w <- w * (1 - null_weight)
  } else if (is.list(x[["S0"]])) {
    U <- x[["S0"]]
    w <- x[["w0"]]
  } else {
    check_bare_list(x)
    U <- x
    w <- NULL
  }
  U <- plain_matrices(U)
  found <- separate_null(w, U)
  do.call(new_prior, c(
    list(U, found$w, null_weight + found$null_weight), list(conditions = conditions), extra
  ))
}

# The prior that a model takes: of the conditions of its data, in their order (the margin, if the
# prior is of more), and in the units of its effects. `units` is "effect" or "z"; `sd` is what a
# z-score of each condition is multiplied by to be an effect, or NULL where that is not known. A
# prior that does not say its units is taken at the user's word.
prior_for <- function(prior, conditions, R, units, sd = NULL, name = "prior", to = "the data") {
  at <- align_to(
    colnames(prior$U[[1L]]), conditions, name, "condition", NROW(prior$U[[1L]]), R, to
  )
  if (!in_order(at, NROW(prior$U[[1L]]))) prior <- prior_margin(prior, at)
  if (is.null(prior$units) || prior$units == units) return(prior)
  if (is.null(sd)) {
    words <- c(effect = "effects", z = "z-scores")
    stop_mnmash(
      "units", "`", name, "` is of ", words[[prior$units]], ", but ", to, " are of ",
      words[[units]], ": learn it from data in the same units (`alpha` of mash_set_data())"
    )
  }
  factor <- rep_len(if (units == "effect") sd else 1 / sd, R)
  prior$U <- lapply(prior$U, \(u) u * tcrossprod(factor))
  prior$units <- units
  prior
}

# The prior of some of its conditions: exact, as a normal distribution's margins are blocks of its
# covariance. Matrices that are zero there become part of the null.
prior_margin <- function(prior, at) {
  U <- lapply(prior$U, \(u) u[at, at, drop = FALSE])
  zero <- vapply(U, \(u) all(u == 0), NA)
  prior$null_weight <- prior$null_weight + sum(prior$w[zero])
  prior$U <- U[!zero]
  prior$w <- prior$w[!zero]
  prior
}

# The object, checked. Weights are divided by their sum, matrices of zeros counted as null. `...`
# are entries to keep.
new_prior <- function(U, w = NULL, null_weight = 0, ..., conditions = NULL) {
  if (!is.list(U) || is.data.frame(U) || !length(U)) {
    stop_mnmash("type", "`U`, the matrices of a prior, must be a list of at least one")
  }
  R <- NROW(U[[1L]])
  U <- name_conditions(prior_matrices(U, R, normalize = FALSE, name = "U"), conditions)
  null_weight <- check_number(null_weight, 0, 1)
  if (is.null(w)) {
    message("The prior has no weights: all matrices get the same")
    w <- rep((1 - null_weight) / length(U), length(U))
  }
  w <- prior_weights(w, names(U))
  total <- sum(w) + null_weight
  if (total <= 0) stop_mnmash("value", "the weights `w` of the prior are all zero")
  zero <- vapply(U, \(u) all(u == 0), NA)
  null <- sum(w[zero]) + null_weight
  structure(
    list(U = U[!zero], w = w[!zero] / total, null_weight = null / total, ...),
    class = "mnmash_prior"
  )
}

# A list without `U` must be of matrices, not of what else a file may hold.
check_bare_list <- function(x) {
  matrices <- vapply(x, \(u) is.list(u) || is.matrix(u) || length(u) == 1L, NA)
  if (!all(matrices)) {
    stop_mnmash(
      "missing_entry", "a prior needs covariance matrices, as a list or as its entry `U` (or ",
      "`matrices`, `S0`, `Ulist`): there is none, but ", describe_entries(x)
    )
  }
}

# Elements that are list(mat, s): a matrix with a scale.
plain_matrices <- function(U) {
  lapply(U, \(u) {
    if (!is.list(u) || is.data.frame(u) || is.null(u[["mat"]])) return(u)
    if (is.numeric(u$s) && length(u$s) == 1L) u$s * u$mat else u$mat
  })
}

# A weight named "null" that belongs to no matrix is the point mass.
separate_null <- function(w, U) {
  at <- which(names(w) == "null")
  if (length(at) != 1L || "null" %in% names(U)) return(list(w = w, null_weight = 0))
  list(w = w[-at], null_weight = w[[at]])
}

# In the order of the matrices: by name where both have the same names.
prior_weights <- function(w, names) {
  if (!is.numeric(w) || length(w) != length(names)) {
    stop_mnmash(
      "dimension", "`w` must have ", length(names), " weights, one for each matrix of `U`, not ",
      length(w)
    )
  }
  bad <- which(!is.finite(w) | w < 0)
  if (length(bad)) {
    stop_mnmash("value", "`w` must not be negative: weight ", bad[1L], " is ", w[bad[1L]])
  }
  if (!is.null(names(w)) && setequal(names(w), names)) w <- w[names]
  stats::setNames(as.double(w), names)
}

# All matrices carry the names of the conditions, in one order.
name_conditions <- function(U, conditions = NULL) {
  R <- nrow(U[[1L]])
  if (!is.null(conditions) && length(conditions) != R) {
    stop_mnmash(
      "dimension", "`conditions` has ", length(conditions), " names, but the matrices are ", R,
      " x ", R
    )
  }
  from <- "the data"
  for (k in seq_along(U)) {
    own <- rownames(U[[k]])
    if (is.null(own)) own <- colnames(U[[k]])
    if (is.null(own)) next
    if (is.null(conditions)) {
      conditions <- own
      from <- paste0("matrix ", names(U)[k])
    } else if (!identical(own, conditions)) {
      at <- which(own != conditions)[1L]
      stop_mnmash(
        "names", "matrix ", k, " (", names(U)[k], ") has ",
        if (setequal(own, conditions)) "its conditions in another order than " else
          "other conditions than ",
        from, ": number ", at, " is ", own[at], ", not ", conditions[at]
      )
    }
  }
  if (is.null(conditions)) conditions <- paste0("condition", seq_len(R))
  lapply(U, \(u) {
    dimnames(u) <- list(conditions, conditions)
    u
  })
}

effect_model <- function(alpha) {
  if (is.null(alpha) || !alpha %in% 0:1) NULL else c("EE", "EZ")[alpha + 1L]
}

# From matrices times scales.
prior_from_g <- function(g, scales = c("expand", "collapse"), pi_thresh = 1e-10,
                         conditions = NULL, model = NULL, ...) {
  scales <- match_choice(scales, c("expand", "collapse"))
  pi_thresh <- check_number(pi_thresh, 0, 1)
  g <- check_prior(g, NROW(g$Ulist[[1L]]), weights = TRUE)
  pi <- as.double(g$pi)
  null_weight <- if (g$usepointmass) pi[1L] else 0
  if (g$usepointmass) pi <- pi[-1L]
  pi[pi <= pi_thresh] <- 0
  pi <- matrix(pi, length(g$Ulist), length(g$grid))
  if (!any(pi > 0)) {
    # Everything is null: the matrices are kept, without weight.
    U <- g$Ulist
    w <- numeric(length(U))
    null_weight <- 1
  } else if (scales == "collapse") {
    w <- rowSums(pi)
    variance <- ifelse(w > 0, drop(pi %*% g$grid^2) / w, 1)
    U <- Map(`*`, g$Ulist, variance)
  } else {
    at <- which(pi > 0, arr.ind = TRUE)
    U <- Map(\(k, l) g$grid[l]^2 * g$Ulist[[k]], at[, 1L], at[, 2L])
    names(U) <- paste(names(g$Ulist)[at[, 1L]], at[, 2L], sep = ".")
    w <- pi[at]
  }
  extra <- if (!is.null(model)) list(effect_model = model)
  do.call(new_prior, c(list(U, w, null_weight, conditions = conditions), extra))
}

#' @rdname as_prior
#' @param n how many matrices to print.
#' @export
print.mnmash_prior <- function(x, n = 10, ...) {
  R <- if (length(x$U)) nrow(x$U[[1L]]) else 0
  cat(
    "Prior of effects in ", R, " conditions: ", length(x$U),
    if (length(x$U) == 1L) " matrix" else " matrices",
    if (!is.null(x$effect_model)) paste0(" (", x$effect_model, ")"), "\n",
    "  null  ", format(x$null_weight, digits = 3), "\n",
    sep = ""
  )
  top <- utils::head(sort(x$w, decreasing = TRUE), n)
  top <- top[top > 0]
  if (length(top)) {
    cat(paste0("  ", format(names(top)), "  ", format(top, digits = 3), "\n"), sep = "")
  }
  if (length(top) < length(x$w)) cat("  ...", length(x$w) - length(top), "more, of less weight\n")
  invisible(x)
}
