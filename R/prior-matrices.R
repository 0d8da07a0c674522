# The prior: covariance matrices U_k times the squares of a grid of scales w_l, and the Dirichlet
# parameters of the weights. Components come in the order null, then for each scale all matrices.

# Checked, named and (if asked) normalised matrices. Those whose conditions have names are matched
# to `conditions`, the R of the data, if these have names too.
prior_matrices <- function(Ulist, R, normalize = TRUE, name = "Ulist", conditions = NULL) {
  if (!is.list(Ulist) || is.data.frame(Ulist)) {
    stop_mnmash("type", as_typed(name), " must be a list of matrices, not ", class(Ulist)[1L])
  }
  if (!length(Ulist)) {
    stop_mnmash("argument", as_typed(name), " is empty: give at least one covariance matrix")
  }
  Ulist <- name_matrices(Ulist, name)
  Ulist <- align_matrices(Ulist, conditions, name)
  for (k in seq_along(Ulist)) {
    Ulist[[k]] <- prior_matrix(
      Ulist[[k]], R, normalize,
      where = paste0(as_typed(name), ": matrix ", k, " (", names(Ulist)[k], ")")
    )
  }
  Ulist
}

# Each matrix with names, for the conditions of the data. Most lists have one set of names: it is
# matched once. Matrices without names are left to the check of their size.
align_matrices <- function(Ulist, conditions, name) {
  if (is.null(conditions)) return(Ulist)
  known <- NULL
  for (k in seq_along(Ulist)) {
    U <- plain_matrix(Ulist[[k]], paste0(name, "$", names(Ulist)[k]))
    # What is no square matrix is refused by the check of its size.
    if (length(dim(U)) != 2L || nrow(U) != ncol(U)) next
    own <- square_names(U, paste0(name, "$", names(Ulist)[k]), "condition")
    if (!is.null(own)) {
      if (!identical(own, known)) {
        at <- align_to(own, conditions, paste0(name, "$", names(Ulist)[k]), "condition")
        known <- own
      }
      U <- U[at, at, drop = FALSE]
    }
    if (nrow(U) == length(conditions) && ncol(U) == nrow(U)) {
      dimnames(U) <- list(conditions, conditions)
      Ulist[[k]] <- U
    }
  }
  Ulist
}

name_matrices <- function(Ulist, name) {
  given <- names(Ulist)
  if (is.null(given)) given <- rep("", length(Ulist))
  unnamed <- which(is.na(given) | !nzchar(given))
  given[unnamed] <- paste0("U", unnamed)
  twice <- anyDuplicated(given)
  if (twice) {
    stop_mnmash(
      "names", as_typed(name), " has two matrices named \"", given[twice],
      "\": give them distinct names"
    )
  }
  names(Ulist) <- given
  Ulist
}

prior_matrix <- function(U, R, normalize, where) {
  if (is.data.frame(U) || inherits(U, "Matrix")) U <- plain_matrix(U)
  if (!is.numeric(U) || !length(U) || !(is.matrix(U) || length(U) == 1L)) {
    stop_mnmash("type", where, " must be a numeric matrix, not ", class(U)[1L])
  }
  if (!is.matrix(U)) U <- matrix(U)
  if (nrow(U) != R || ncol(U) != R) {
    stop_mnmash(
      "dimension", where, " must be ", R, " x ", R, ", as the data have ", R,
      " conditions, not ", describe_dim(U)
    )
  }
  storage.mode(U) <- "double"
  if (!all(is.finite(U))) {
    bad <- which(!is.finite(U))[1L]
    stop_mnmash("not_finite", where, " is ", U[bad], " at ", describe_cell(unname(U), bad))
  }
  size <- max(abs(U))
  if (size >= 1e100) {
    stop_mnmash("value", where, " must have values below 1e100, not ", size)
  }
  if (max(abs(U - t(U))) > covariance_tolerance$asymmetry * size) {
    bad <- which.max(abs(U - t(U)))
    stop_mnmash("asymmetric", where, " must be symmetric: it is not at ",
                describe_cell(unname(U), bad))
  }
  smallest <- min(eigen(U, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest < -covariance_tolerance$negative * size) {
    stop_mnmash(
      "not_psd", where, " must be positive semi-definite: its smallest eigenvalue is ",
      format(smallest, digits = 4)
    )
  }
  largest <- max(diag(U))
  if (normalize && largest > 0) U / largest else U
}

#' Scales for a mixture of normal distributions, from the data
#'
#' A grid of standard deviations from a tenth of the smallest standard error to twice the largest
#' effect in excess of noise, `2 sqrt(max(Bhat^2 - Shat^2))`, in steps of `gridmult`. It follows the
#' units of the data.
#'
#' @param data data from [mash_set_data()], or a list with `Bhat` and `Shat`, such as from
#'   [univariate_sumstats()]. Cells that are missing, or with a standard error of zero, are left
#'   out.
#' @param gridmult ratio of neighbouring scales, greater than 1; or 0 for a single scale.
#' @inheritParams shared_arguments
#' @return Standard deviations (not variances), increasing. With `gridmult = 0`, 0 and one scale.
#' @references Stephens (2017), Biostatistics 18, 275-294.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 100, p = 20, p_causal = 3, r = 2, seed = 1)
#' autoselect_grid(univariate_sumstats(sim$X, sim$Y), 2)
autoselect_grid <- function(data, gridmult = sqrt(2), ...) {
  take_dots(...)
  gridmult <- check_gridmult(gridmult)
  if (!is.list(data) || is.null(data$Bhat) || length(data$Shat) != length(data$Bhat)) {
    stop_mnmash(
      "type", as_typed("data"), " must come from mash_set_data(), or hold `Bhat` and `Shat`"
    )
  }
  usable <- is.finite(data$Bhat) & is.finite(data$Shat) & data$Shat > 0
  if (!is.null(data$missing)) usable <- usable & !data$missing
  if (!any(usable)) {
    stop_mnmash(
      "missing", as_typed("data"), " have no effect with a standard error"
    )
  }
  B <- data$Bhat[usable]
  S <- data$Shat[usable]
  smallest <- min(S) / 10
  excess <- max(B^2 - S^2)
  largest <- if (excess > 0) 2 * sqrt(excess) else 8 * smallest
  if (gridmult == 0) return(c(0, largest / 2))
  gridmult^(-ceiling(log2(largest / smallest) / log2(gridmult)):0) * largest
}

check_gridmult <- function(gridmult) {
  gridmult <- check_number(gridmult, 0)
  if (gridmult > 0 && gridmult <= 1) {
    stop_mnmash(
      "argument", as_typed("gridmult"), " must be greater than 1, or 0 for a single scale"
    )
  }
  gridmult
}

check_grid <- function(grid, name = arg_name(grid)) {
  if (!is.numeric(grid) || !length(grid)) {
    stop_mnmash("argument", as_typed(name), " must hold at least one scale")
  }
  # Their squares multiply covariances.
  bad <- which(!is.finite(grid) | grid < 0 | grid > 1e100)
  if (length(bad)) {
    stop_mnmash("value", as_typed(name),
    " must hold scales of at least 0 and at most 1e100: element ",
                bad[1L], " is ", grid[bad[1L]])
  }
  as.double(grid)
}

# The Dirichlet parameters of the weights.
dirichlet_parameters <- function(prior, P, nullweight, components = NULL) {
  if (is.character(prior)) {
    prior <- match_choice(prior, c("nullbiased", "uniform"))
    parameters <- rep(1, P)
    if (prior == "nullbiased") parameters[1L] <- check_number(nullweight, 1)
    return(parameters)
  }
  if (!is.numeric(prior) || length(prior) != P) {
    stop_mnmash(
      "argument", "`prior` must be \"nullbiased\", \"uniform\" or ", P,
      " numbers, one for each component; it has ", length(prior)
    )
  }
  prior <- align_each(prior, components, P, "prior", "component", to = "the components")
  bad <- which(!is.finite(prior) | prior < 1)
  if (length(bad)) {
    stop_mnmash(
      "value", "`prior` must be at least 1 for every component: element ", bad[1L], " is ",
      prior[bad[1L]]
    )
  }
  as.double(prior)
}

scaled_columns <- function(Y, d) Y * rep(d, each = nrow(Y))

# A prior in the layout of mash(): matrices, grid, point mass, and its weights if they are to be
# used; with its units and alpha, as far as it says them.
check_prior <- function(g, R, weights, name = "g") {
  if (!is.list(g) || is.null(g$Ulist) || is.null(g[["grid"]])) {
    stop_mnmash(
      "type", as_typed(name),
      " must be a fit of mash() or a list of pi, Ulist, grid and usepointmass"
    )
  }
  pointmass <- if (is.null(g$usepointmass)) TRUE else check_flag(g$usepointmass)
  checked <- list(
    pi = g$pi, Ulist = prior_matrices(g$Ulist, R, normalize = FALSE, name = paste0(name, "$Ulist")),
    grid = check_grid(g[["grid"]], name = paste0(name, "$grid")), usepointmass = pointmass
  )
  P <- pointmass + length(checked$Ulist) * length(checked$grid)
  if (!is.null(g[["product"]])) {
    conditions <- Find(Negate(is.null), lapply(checked$Ulist, colnames))
    checked$product <- check_product(g[["product"]], R, name, conditions)
  }
  if (!is.null(g[["lfsr_map"]])) checked$lfsr_map <- check_lfsr_map(g[["lfsr_map"]], name)
  if (weights || !is.null(g$pi)) {
    check_weights(g$pi, P, paste0(name, "$pi"), 1 - (checked$product$weight %||% 0))
    # Weights without names, or of matrices without, go by position.
    wanted <- if (!is.null(names(g$Ulist))) {
      component_names(checked$Ulist, checked$grid, checked$usepointmass)
    }
    pi <- align_vector(g$pi, wanted, P, paste0(name, "$pi"), "component", to = "the matrices")
    checked$pi <- if (is.null(names(g$pi))) unname(pi) else pi
  }
  if (!is.null(g[["units"]])) {
    checked$units <- match_choice(g[["units"]], c("effect", "z"), name = paste0(name, "$units"))
  }
  if (!is.null(g[["alpha"]])) {
    checked$alpha <- check_number(g[["alpha"]], 0, 10, name = paste0(name, "$alpha"))
  }
  checked
}
