# Prior covariances learnt from data by penalised maximum likelihood ("ultimate deconvolution").

#' Prior covariances by penalised maximum likelihood
#'
#' Fits the prior `b_j ~ sum_k w_k N(0, U_k)` to measurements `Bhat_j ~ N(b_j, S_j V S_j)`: weights
#' and covariances together, by an expectation-maximisation (EM) algorithm with fast steps. The
#' fitted covariances are for [mash()], which gives each of them a grid of scales and a null
#' besides.
#'
#' @section Components:
#' Four kinds, any number of each; all have weights.
#' - *Unconstrained*: any covariance. `K` of them start at random, from groups of units whose
#'   effects have similar directions; those in `Ulist` start where you say.
#' - *Low rank*: covariances of a given rank. `n_rank1` of rank one start at random; those in
#'   `U_low_rank` start from and keep the rank of a given matrix. Under a
#'   rank-one covariance all effects of a unit are multiples of one number, so that evidence for
#'   a sign in one condition counts as much in all others: lfsr is too small where the truth is not
#'   exactly so. Prefer unconstrained components.
#' - *Scaled*: `s U0` with given `U0`, in `U_scaled`, and `s` estimated.
#' - *Fixed*: in `U_fixed`; a matrix of zeros is a null.
#'
#' @section Penalties:
#' Without penalty, eigenvalues of fitted covariances collapse to zero when there are many
#' components or conditions, and local false sign rates become much too small. The penalty of an
#' unconstrained component with eigenvalues `u_1, ..., u_R`, in units of the noise, is the larger
#' the farther these are apart:
#' - `"iw"` (inverse Wishart): `-(lambda / 2) sum_i [log(u_i / s) + s / u_i]`;
#' - `"nu"` (nuclear norm): `-(lambda / 2) sum_i [u_i / s + s / u_i] / 2`.
#'
#' The scale `s` of each component is at its best value, so that covariances may be as large or as
#' small as they like. With `lambda = R`, the default, more components than needed do little harm.
#' Units of the noise are those of one matrix: `V` (its mean, where it differs by unit) at the
#' median standard error of each condition; so the penalty means the same whatever the units of the
#' effects, and one cell with an extreme standard error does not change it.
#'
#' @section Steps:
#' `"ed"` is extreme deconvolution: each step is an EM step that moves a small
#' eigenvalue very slowly and cannot turn a matrix of low rank. `"ted"` (common noise) and
#' `"gted"` (any noise) solve for each covariance in closed form, by eigenvalues, from the same
#' sums: some ten to a hundred times fewer iterations. For common noise (all rows of the scaled
#' standard errors equal, nothing missing, one `V`) that is an EM step; otherwise a step
#' that lowers the objective is taken back and repeated with less boldness, so that the objective
#' never falls. `"fa"` treats covariances as factors (factor analysis), without penalty. `"auto"` is
#' `"ted"` or `"gted"`, whichever applies. Components of low rank use the same closed form, cut at
#' their rank (also for differing noise), or factor analysis with `"ed"` and `"fa"`. The first
#' `warmup` steps of unconstrained components are of extreme deconvolution, which leads to better
#' optima from poor starts.
#'
#' @param data data from [mash_set_data()]: z-scores, effects, contrasts, missing cells, and `V`
#'   common or by unit.
#' @param K number of unconstrained components with random starts. Default: 8, or none if
#'   other components are given.
#' @param Ulist named list of starts of unconstrained components: R x R positive semi-definite
#'   matrices in the units of `Bhat` (of z-scores if `alpha = 1`). Singular ones are nudged off
#'   their boundary. Matrices with names of conditions are matched to those of the data, here and in
#'   the other lists.
#' @param n_rank1 number of components of rank one with random starts.
#' @param U_low_rank,U_scaled,U_fixed named lists of R x R matrices, see Components.
#' @param w starting weights, one for each component in the order unconstrained (random, then
#'   `Ulist`), rank one, `U_low_rank`, `U_scaled`, `U_fixed`. Default: equal.
#' @param update `"auto"`, `"ted"`, `"gted"`, `"ed"` or `"fa"`, see Steps.
#' @param penalty `"iw"`, `"nu"` or `"none"`. Default: `"iw"`, or `"none"` with `update = "fa"`.
#' @param lambda weight of the penalty, as a number of units. Default: the number of conditions.
#' @param estimate_V also estimate the noise covariance, which must be common to all units; it
#'   starts at `V`. What is returned is relative to the standard errors, like `V`, but its diagonal
#'   is not made one.
#' @param n_starts random starts; that with the best objective after `trial` iterations is
#'   continued.
#' @param warmup,trial numbers of iterations, see above.
#' @param tol converged when the objective rises by at most this for each unit.
#' @param prune components with weight below this are dropped at the end.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mnmash_ud`, a list of
#' - `U`: named list of R x R covariances, in the units of `Bhat` (of z-scores if `alpha = 1`);
#' - `w`: their weights, named, with sum 1;
#' - `components`: a data frame with one row for each: `component`, `kind`, `weight`, `units` (sum
#'   of responsibilities), `rank` (eigenvalues above 1e-8 of the largest, in units of the noise),
#'   `scale` (that of the penalty, or of the given matrix of scaled ones);
#' - `ranks`: the ranks, named;
#' - `loglik`, `objective`: log-likelihood of the scaled effects, and the same with penalties, at
#'   the start and after each accepted step; `objective` never falls;
#' - `converged`, `message`, `convergence` (as in [mash()]), `n_iter` (passes over the
#'   data) and `n_rejected` (steps taken back);
#' - `starts`: the objective of each start when they were compared;
#' - `V`: the noise (estimated or given); `metric`: the matrix the penalty is relative to;
#' - `penalty`, `lambda`, `update`, `alpha`, `seed`, `n_units`, `dropped` (names of components
#'   below `prune`).
#'
#' `as_prior()` and `predict()` take it, and `mash(data, fit$U)` and [mash_cv()] take its
#' covariances.
#' @references
#' Yang, Carbonetto, Gerard and Stephens (2024), arXiv:2406.08784 (penalties; TED against extreme
#' deconvolution).
#'
#' Won, Lim, Kim and Rajaratnam (2013), Journal of the Royal Statistical Society B 75, 427-450
#' (truncated eigenvalues).
#'
#' Bovy, Hogg and Roweis (2011), Annals of Applied Statistics 5, 1657-1677 (extreme deconvolution).
#' @seealso [ud_cv()] to choose `K` and the penalty, [cov_pca()], [cov_canonical()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
#' fit <- ud_fit(data, K = 3, seed = 1)
#' fit
#' m <- mash(data, c(fit$U, cov_canonical(data)), verbose = FALSE)
#' round(get_estimated_pi(m), 2)
ud_fit <- function(data, K = NULL, Ulist = NULL, n_rank1 = 0, U_low_rank = NULL, U_scaled = NULL,
                   U_fixed = NULL, w = NULL, subset = NULL,
                   update = c("auto", "ted", "gted", "ed", "fa"),
                   penalty = c("iw", "nu", "none"), lambda = NULL, estimate_V = FALSE,
                   n_starts = 1, warmup = 20, trial = warmup + 10, max_iter = 1000, tol = 1e-6,
                   prune = 1e-6, seed = NULL, n_threads = NULL, ...) {
  take_dots(...)
  check_mash_data(data)
  rows <- check_subset(subset, data$Bhat)
  if (!is.null(subset)) data <- data_rows(data, rows)
  conditions <- colnames(data$Bhat)
  components <- ud_components(data, K, Ulist, n_rank1, U_low_rank, U_scaled, U_fixed)
  w <- starting_weights(w, names(components))
  how <- ud_choices(data, update, missing(penalty), penalty, lambda)
  check_flag(estimate_V)
  if (estimate_V && !common_noise(data, complete = FALSE)) {
    stop_mnmash(
      "argument", "`estimate_V` needs the same noise for all units: one ", as_typed("V"),
      ", and (scaled) ",
      "standard errors that do not differ by unit; z-scores (`alpha = 1`) have them"
    )
  }
  if (estimate_V) {
    check_full_rank(data$Bhat, "data", "condition", "do without `estimate_V`", FALSE, "units")
  }
  seed <- check_seed(seed)
  control <- c(how, list(
    alpha = 0.5, warmup = check_count(warmup, 0), max_iter = check_count(max_iter, 0),
    tol = check_number(tol, 0), starts = check_few(n_starts, name = "n_starts"),
    trial = check_count(trial, 0), seed = seed, estimate_V = estimate_V, estimate_w = TRUE,
    scale = NULL
  ))
  prune <- check_number(prune, 0, 1)
  found <- call_core(
    "ud_fit",
    measurements = core_measurements(data), components = components, weights = w,
    control = control, label = "Prior covariances (units in E-steps)", total = 0,
    n_threads = resolve_threads(n_threads)
  )
  new_ud_fit(found, components, conditions, data, how, seed, prune)
}

# The components by name: list(kind, rank, U), where U is NULL for a random one.
ud_components <- function(data, K, Ulist, n_rank1, U_low_rank, U_scaled, U_fixed) {
  given <- list(
    Ulist = Ulist, U_low_rank = U_low_rank, U_scaled = U_scaled, U_fixed = U_fixed
  )
  n_rank1 <- check_few(n_rank1, 0, 1e4)
  none <- vapply(given, \(U) is.null(U) || identical(U, list()), NA)
  if (is.null(K)) K <- if (all(none) && n_rank1 == 0) 8 else 0
  K <- check_few(K, 0, 1e4)
  if (K + n_rank1 == 0 && all(none)) {
    stop_mnmash("argument", "there is nothing to fit: give `K`, `Ulist` or other components")
  }
  given[none] <- list(list())
  given[!none] <- Map(
    \(U, name) {
      prior_matrices(
        U, ncol(data$Bhat),
        normalize = FALSE, name = name, conditions = colnames(data$Bhat)
      )
    }, given[!none], names(given)[!none]
  )
  zero <- vapply(given$U_scaled, \(U) all(U == 0), NA)
  if (any(zero)) {
    stop_mnmash(
      "value", "`U_scaled`: matrix ", which(zero)[1L], " (", names(given$U_scaled)[zero][1L],
      ") is zero, and so are its multiples"
    )
  }
  ranks <- vapply(given$U_low_rank, matrix_rank, 0L)
  if (any(ranks == 0L)) {
    stop_mnmash("value", "`U_low_rank`: matrix ", which(ranks == 0L)[1L], " is zero")
  }
  random <- c(numbered("unconstrained", K), numbered("rank1", n_rank1))
  start <- c(
    vector("list", K), given$Ulist, vector("list", n_rank1), given$U_low_rank, given$U_scaled,
    given$U_fixed
  )
  kind <- rep(
    c("unconstrained", "low rank", "scaled", "fixed"),
    c(K + length(given$Ulist), n_rank1 + length(ranks), lengths(given[c("U_scaled", "U_fixed")]))
  )
  rank <- vector("list", length(kind))
  rank[kind == "low rank"] <- c(rep(1L, n_rank1), ranks)
  names <- c(
    random[seq_len(K)], names(given$Ulist), random[K + seq_len(n_rank1)], names(given$U_low_rank),
    names(given$U_scaled), names(given$U_fixed)
  )
  twice <- anyDuplicated(names)
  if (twice) {
    stop_mnmash("names", "two components have the name \"", names[twice], "\"")
  }
  stats::setNames(Map(list, kind = kind, rank = rank, U = start, USE.NAMES = FALSE), names)
}

numbered <- function(name, n) if (n > 0) paste0(name, "_", seq_len(n))

matrix_rank <- function(U) {
  d <- sqrt(diag(U))
  d[d == 0] <- 1
  values <- eigen(U / outer(d, d), symmetric = TRUE, only.values = TRUE)$values
  sum(values > 1e-8 * max(values, 0))
}

starting_weights <- function(w, names) {
  if (is.null(w)) return(rep(1 / length(names), length(names)))
  w <- align_each(w, names, length(names), "w", "component", to = "the components")
  if (!is.numeric(w) || length(w) != length(names)) {
    stop_mnmash(
      "argument", "`w` must have ", length(names), " numbers, one for each component, not ",
      length(w)
    )
  }
  bad <- which(!is.finite(w) | w < 0)
  if (length(bad) || sum(w) <= 0) {
    stop_mnmash(
      "value", "`w` must be finite, not negative and not all zero",
      if (length(bad)) paste0(": weight ", bad[1L], " is ", w[bad[1L]])
    )
  }
  as.double(w) / sum(w)
}

# Steps and penalty, resolved.
ud_choices <- function(data, update, default_penalty, penalty, lambda) {
  update <- match_choice(update, c("auto", "ted", "gted", "ed", "fa"))
  penalty <- match_choice(penalty, c("iw", "nu", "none"))
  if (update == "fa") {
    if (default_penalty) penalty <- "none"
    if (penalty != "none") {
      stop_mnmash("argument", "`update` = \"fa\" knows no penalty: set `penalty` = \"none\"")
    }
  }
  common <- common_noise(data)
  if (update == "ted" && !common) {
    stop_mnmash(
      "argument", "`update` = \"ted\" needs the same noise for all units, and no missing values: ",
      "use \"gted\""
    )
  }
  if (update == "auto") update <- if (common) "ted" else "gted"
  R <- ncol(data$Bhat)
  lambda <- if (is.null(lambda)) R else check_number(lambda, 0)
  if (lambda == 0 || penalty == "none") {
    penalty <- "none"
    lambda <- 0
  }
  list(update = update, penalty = penalty, lambda = lambda)
}

# Whether all units have the same noise covariance; with `complete`, and no missing cell.
common_noise <- function(data, complete = TRUE) {
  if (!is.null(data$L) || length(dim(data$V)) != 2L) return(FALSE)
  if (complete && !is.null(data$missing)) return(FALSE)
  S <- data$Shat
  if (!is.null(data$missing)) S[data$missing] <- NA
  all(apply(S, 2L, \(s) {
    s <- s[!is.na(s)]
    all(s == s[1L])
  }))
}

new_ud_fit <- function(found, components, conditions, data, how, seed, prune) {
  named <- names(components)
  labelled <- function(U) {
    if (!is.null(conditions)) dimnames(U) <- list(conditions, conditions)
    U
  }
  U <- stats::setNames(lapply(found$u, labelled), named)
  root <- chol(found$metric)
  ranks <- vapply(U, \(u) {
    values <- backsolve(root, t(backsolve(root, u, transpose = TRUE)), transpose = TRUE)
    values <- eigen(values, symmetric = TRUE, only.values = TRUE)$values
    sum(values > 1e-8 * max(values, 0))
  }, 0L)
  kind <- unname(vapply(components, `[[`, "", "kind"))
  table <- data.frame(
    component = named, kind = kind, weight = found$w, units = found$responsibility,
    rank = unname(ranks), scale = ifelse(kind == "scaled", found$scale, NA_real_)
  )
  penalised <- kind == "unconstrained" & how$penalty != "none"
  table$scale[penalised] <- found$scale[penalised]
  kept <- found$w >= prune & found$w > 0
  w <- found$w[kept] / sum(found$w[kept])
  table <- table[kept, ]
  table$weight <- w
  rownames(table) <- NULL
  V <- data$V
  if (!is.null(found$noise)) {
    s <- apply(data$Shat, 2L, min)
    V <- labelled(found$noise / outer(s, s))
  }
  ended <- ending(found)
  ended$message <- ud_messages[[ended$stop]]
  structure(list(
    U = U[kept], w = stats::setNames(w, named[kept]), components = table, ranks = ranks[kept],
    loglik = found$loglik, objective = ended$trace, converged = ended$converged,
    message = ended$message, convergence = ended, n_iter = ended$iterations,
    n_rejected = found$rejected,
    starts = found$starts, V = V, metric = labelled(found$metric), penalty = how$penalty,
    lambda = how$lambda, update = how$update, alpha = data$alpha, units = data_units(data),
    seed = seed, n_units = nrow(data$Bhat), dropped = named[!kept]
  ), class = "mnmash_ud")
}

ud_messages <- c(
  converged = "the objective rose by at most `tol` for each unit",
  stalled = "rounding hides whether the objective can rise by as little as `tol` asks",
  iterations = "stopped after `max_iter` iterations"
)
