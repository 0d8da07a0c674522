# The prior as an object that is handed from one model to another: b ~ null_weight delta_0 +
# sum_k w_k N(0, U_k).

#' A prior to hand from one model to another
#'
#' `as_prior()` turns what other functions and other programs call a prior into one object: a
#' mixture of normal distributions with covariances `U`, weights `w`, and a point mass at zero. It
#' is what [mixture_prior()] returns, and what fits take.
#'
#' The result is a density: the effects of a unit (z-scores if `units` is `"z"`) are zero with
#' probability `null_weight`, and else, with probability `w[k]`, a draw of `N(0, U[[k]])`.
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
#' @section Conditions and units:
#' A prior keeps the names of its conditions and says what it is of: effects or z-scores. Where it
#' is used, on data whose conditions have names, it is matched to them by name: put in their order,
#' and reduced to their exact margin if it is of more conditions. A prior of z-scores is not used on
#' effects, nor the reverse, unless the function knows the factor between them.
#'
#' @param x a fit of [mash()] or of another function that estimates a prior, a list in one of the
#'   layouts below, what `create_mixture_prior()` of mvsusieR returns, or a prior already.
#' @param ... further arguments, for methods; an argument that none of them knows is an error.
#' @param conditions names: of the R conditions, for matrices without row and column names; else
#'   those of the conditions to keep, in this order. Default: all, as they are.
#' @param scales what to do with the scales of a fit: `"expand"` or `"collapse"`. A prior without
#'   scales is the same either way.
#' @param pi_thresh components with weights up to this are dropped.
#'
#' @return An object of class `mnmash_prior`, a list of
#' - `U`: named list of R x R matrices, positive semi-definite, with the names of the conditions
#'   where these are known;
#' - `w`: their weights, with the names of `U`; they sum to `1 - null_weight`;
#' - `null_weight`: the probability of no effect in any condition;
#'
#' and what else is known: `units` (`"effect"` or `"z"`) and, the same in the words of the
#' workflows, `effect_model` (`"EE"` or `"EZ"`), `learnt` (what it was learnt by, and on how many
#' units), `V`, `grid`, `pi`, `loglik` and more.
#' @seealso [`[`][prior-methods] and `subset()` for parts of a prior, [as_mashr()] for the way back,
#'   [mixture_prior()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' as_prior(m)
#' as_prior(m, scales = "collapse")
#' as_prior(list(U = cov_canonical(data)[1:2], w = c(0.3, 0.7)))
as_prior <- function(x, ...) {
  check_given()
  UseMethod("as_prior")
}

# The same of what a function was given as its argument `name`.
prior_of <- function(prior, ..., name = arg_name(prior)) {
  force(name)
  known_as(list(x = name), as_prior(prior, ...))
}

#' @rdname as_prior
#' @export
as_prior.default <- function(x, ...) {
  stop_mnmash(
    "type", as_typed("x"), " must be a prior, a fit or a list of matrices, not ", class(x)[1L]
  )
}

#' @rdname as_prior
#' @export
as_prior.mnmash_prior <- function(x, conditions = NULL, scales = c("expand", "collapse"), ...) {
  take_dots(...)
  match_choice(scales, c("expand", "collapse"))
  if (!is.list(x) || !is.list(x[["U"]]) || length(x[["w"]]) != length(x[["U"]])) {
    stop_mnmash(
      "type", as_typed("x"), " is no prior: it lacks the matrices `U` or their weights `w`"
    )
  }
  kept_conditions(with_units(x), conditions)
}

#' @rdname as_prior
#' @export
as_prior.mash <- function(x, scales = c("expand", "collapse"), pi_thresh = 1e-10,
                          conditions = NULL, ...) {
  take_dots(...)
  if (is.null(x$fitted_g)) {
    stop_mnmash("type", as_typed("x"), " has no prior: it holds data; give a fit of mash()")
  }
  prior_from_g(fit_prior(x), scales, pi_thresh, conditions, learnt_by(x))
}

#' @rdname as_prior
#' @export
as_prior.list <- function(x, conditions = NULL, scales = c("expand", "collapse"),
                          pi_thresh = 1e-10, ...) {
  take_dots(...)
  if (!is.null(x[["fitted_g"]])) {
    return(prior_from_g(fit_prior(x), scales, pi_thresh, conditions, learnt_by(x)))
  }
  if (is.list(x[["Ulist"]])) return(prior_from_g(x, scales, pi_thresh, conditions))
  match_choice(scales, c("expand", "collapse"))
  null_weight <- 0
  extra <- list()
  product <- NULL
  if (is.list(x[["U"]])) {
    parts <- c("x$U", "x$w")
    U <- x[["U"]]
    w <- x[["w"]]
    if (!is.null(x[["null_weight"]])) null_weight <- x[["null_weight"]]
    extra <- x[setdiff(names(x), c("U", "w", "null_weight", "product"))]
    product <- x[["product"]]
  } else if (is.list(x[["matrices"]])) {
    parts <- c("x$matrices", "x$weights")
    U <- x[["matrices"]]
    w <- x[["weights"]]
    if (!is.null(x[["null_weight"]])) {
      null_weight <- check_number(x[["null_weight"]], name = "null_weight", 0, 1)
    }
    if (!is.null(w)) w <- w * (1 - null_weight)
  } else if (is.list(x[["S0"]])) {
    parts <- c("x$S0", "x$w0")
    U <- x[["S0"]]
    w <- x[["w0"]]
  } else {
    check_bare_list(x)
    parts <- c("x", "x")
    U <- x
    w <- NULL
  }
  U <- plain_matrices(U)
  found <- separate_null(w, U)
  # Names are for matrices without; of those with names, they choose.
  named <- !is.null(unlist(lapply(U, dimnames)))
  prior <- known_as(stats::setNames(as.list(parts), c("U", "w")), do.call(new_prior, c(
    list(U, found$w, null_weight + found$null_weight),
    list(conditions = if (!named) conditions), extra
  )))
  if (!is.null(product)) {
    R <- NROW(U[[1L]])
    prior <- beside_product(prior, check_product(product, R, "x", prior_conditions(prior)))
  }
  kept_conditions(prior, if (named) conditions)
}

# What create_mixture_prior() of mvsusieR makes: matrices times scales with their weights, the null
# first, as a list or an array. It does not say its units.
#' @rdname as_prior
#' @export
as_prior.MashInitializer <- function(x, conditions = NULL, ...) {
  take_dots(...)
  found <- x$prior_variance
  if (!is.list(found) || is.null(found$xUlist) || !is.numeric(found$pi)) {
    stop_mnmash(
      "type", as_typed("x"), " is no prior of mvsusieR: it lacks `prior_variance$xUlist` or `$pi`"
    )
  }
  U <- found$xUlist
  if (length(dim(U)) == 3L) {
    names <- dimnames(U)[[3L]]
    U <- lapply(seq_len(dim(U)[3L]), \(k) matrix(U[, , k], dim(U)[1L], dimnames = dimnames(U)[1:2]))
    names(U) <- names
  }
  as_prior.list(list(U = U, w = as.double(found$pi)), conditions)
}

# A prior that is named already, of some of its conditions; one without names gets them.
kept_conditions <- function(prior, conditions) {
  if (is.null(conditions) || !length(prior$U)) return(prior)
  if (is.null(prior_conditions(prior))) {
    prior$U <- name_conditions(prior$U, conditions)
    return(prior)
  }
  check_names_or_numbers(conditions)
  at <- align_to(
    prior_conditions(prior), check_labels(name_text(conditions), "conditions"), "x", "condition",
    to = as_typed("conditions"), more = "silent"
  )
  if (in_order(at, nrow(prior$U[[1L]]))) prior else prior_margin(prior, at)
}

# The prior of a fit, with what its parts say of alpha, units and the names of conditions. Fits that
# were made elsewhere say it in other places.
fit_prior <- function(fit) {
  if (!is.object(fit)) check_layout(fit, "mash_fit", "x")
  g <- fit[["fitted_g"]]
  if (is.null(g[["alpha"]])) g$alpha <- fit[["alpha"]]
  own <- unlist(lapply(g$Ulist, dimnames))
  conditions <- colnames(fit[["result"]][["PosteriorMean"]])
  if (is.null(own) && length(conditions) == NROW(g$Ulist[[1L]])) {
    g$Ulist <- name_conditions(g$Ulist, conditions)
  }
  g
}

learnt_by <- function(fit) {
  n <- if (is.null(fit[["vloglik"]])) fit[["n_units"]] else length(fit[["vloglik"]])
  c(list(by = "mash"), if (!is.null(n)) list(n_units = n))
}

# A list without `U` must be of matrices, not of what else a file may hold.
check_bare_list <- function(x) {
  matrices <- vapply(x, \(u) is.list(u) || is.matrix(u) || length(u) == 1L, NA)
  if (!all(matrices)) {
    stop_mnmash(
      "missing_entry", as_typed("x"),
      " is no prior, which needs covariance matrices, as a list or as its entry `U` (or ",
      "`matrices`, `S0`, `Ulist`): there is none, but ", describe_entries(x)
    )
  }
}

# Elements that are list(mat, s): a matrix with a scale.
plain_matrices <- function(U) {
  lapply(U, \(u) {
    if (!is.list(u) || is.data.frame(u) || is.null(u[["mat"]])) return(u)
    scaled <- is.numeric(u$s) && length(u$s) == 1L && is.numeric(u$mat)
    if (scaled) u$s * u$mat else u$mat
  })
}

# A weight named "null" that belongs to no matrix is the point mass.
separate_null <- function(w, U) {
  at <- which(names(w) == "null")
  if (length(at) != 1L || "null" %in% names(U)) return(list(w = w, null_weight = 0))
  list(w = w[-at], null_weight = w[[at]])
}

# From matrices times scales.
prior_from_g <- function(g, scales, pi_thresh, conditions = NULL, learnt = NULL) {
  scales <- match_choice(scales, c("expand", "collapse"))
  pi_thresh <- check_number(pi_thresh, 0, 1)
  g <- known_as(list(g = "x"), check_prior(g, NROW(g$Ulist[[1L]]), weights = TRUE))
  if (is.null(g$units)) g$units <- alpha_units(g$alpha)
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
  named <- !is.null(unlist(lapply(g$Ulist, dimnames)))
  prior <- do.call(new_prior, c(
    list(U, w, null_weight, conditions = if (!named) conditions),
    if (!is.null(g$units)) list(units = g$units),
    if (is.null(g$units) && !is.null(g$alpha)) list(alpha = g$alpha),
    if (!is.null(learnt)) list(learnt = learnt),
    if (!is.null(g$lfsr_map)) list(lfsr_map = g$lfsr_map)
  ))
  prior <- beside_product(prior, g$product)
  kept_conditions(prior, if (named) conditions)
}
