# Association of a unit with many conditions: models in which each is unassociated, directly or
# indirectly associated.

#' Multivariate association by models of direct and indirect effects
#'
#' For every unit, compares all models in which each of d conditions (traits) is unassociated
#' (`U`), directly (`D`) or indirectly (`I`) associated with it. Indirect effects go through the
#' directly associated conditions: given these, the condition is independent of the unit.
#'
#' A model has for each scale in `sigma_alpha` a Bayes factor against no association. With `formula
#' = "finite"` it is that of Stephens (2013), with the residual covariance integrated out;
#' `"known"` takes `V` as known, which makes the models a mash with covariances [cov_udi()] (the
#' two agree up to terms of order `1 / n`).
#'
#' Weights of models and scales are `weights = "prior"`: half on no association, the rest spread
#' evenly over the number of directly associated conditions, then of unassociated ones, then over
#' their choices, and evenly over scales; or `"estimate"`: from the units given, by
#' [mixture_weights()]. Models without a direct effect have none.
#'
#' Estimates of weights keep a null: as in [mash()], the likelihood is multiplied by the weight of
#' no association to the power `nullweight - 1`. Without that (`nullweight = 1`) the models of the
#' smallest scales, which the data cannot tell from no association, often take all of its weight,
#' and every unit is called associated: maximum likelihood is for units that are known to be.
#'
#' Units and conditions are matched by name where both sides have names: `n` and `maf` to the rows
#' of `Z`, `V` to its columns (and reduced to them).
#'
#' @param Z J x d matrix of z-scores.
#' @param n number of samples: one, or one for each unit.
#' @param V d x d correlation of z-scores without association, matched by name. Default: the
#'   correlation of the rows of `Z` with all `|z| < 2`, of which there must be at least 10 d.
#' @param maf J minor allele frequencies, or `NULL` if scales of effects are those of a variable of
#'   unit variance. With them, they are effects of an allele.
#' @param sigma_alpha scales of effects, in standard deviations of the conditions.
#' @param formula,weights see above.
#' @param pi0 prior probability of no association, for `weights = "prior"`; default 0.5.
#' @param nullweight see above, for `weights = "estimate"`; at least 1, default 10.
#' @inheritParams shared_arguments
#'
#' @return An object of class `bmass`, a list of
#' - `log10_bf`: models x units, each averaged over scales with equal weights; zero for the null
#'   and minus infinity for models without weight;
#' - `log10_bf_average`: J, the weighted average over all models but the null: the evidence for any
#'   association;
#' - `posterior`: models x units;
#' - `marginal`: J x d x 3, the probabilities of `U`, `D` and `I` in every condition;
#' - `top`: a data frame with the most probable model of each unit and its probability;
#' - `models`: models x d letters, named as rows by their letters; `weights`: models x scales; `V`.
#'
#' `as.data.frame()` is a row for each unit and condition: `unit`, `condition`, and the
#' probabilities of `unassociated`, `direct` and `indirect` association; `summary()` counts them.
#' @references Stephens (2013), PLoS ONE 8, e65245. Turchin and Stephens (2019), bioRxiv 638882.
#' @seealso [cov_udi()] for the same models in [mash()] or [finemap()].
#' @export
#' @examples
#' set.seed(1)
#' Z <- matrix(rnorm(600), 200)
#' Z[1:20, 1] <- Z[1:20, 1] + 6
#' fit <- bmass(Z, n = 5000, V = diag(3))
#' fit
#' fit$top[1:3, ]
#' fit$marginal[1, , ]
bmass <- function(Z, n, V = NULL, maf = NULL,
                  sigma_alpha = c(0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07,
                                  0.08, 0.09, 0.1, 0.15),
                  formula = c("finite", "known"), weights = c("prior", "estimate"), pi0 = NULL,
                  n_threads = NULL, nullweight = NULL, ...) {
  take_dots(...)
  Z <- complete_matrix(Z, "Z")
  J <- nrow(Z)
  d <- ncol(Z)
  if (d < 2L) stop_mnmash("dimension", as_typed("Z"), " must have at least two columns")
  if (d > 8L) {
    stop_mnmash(
      "dimension", as_typed("Z"), " may have at most 8 columns: there are 3^d models"
    )
  }
  if (missing(n)) stop_mnmash("argument", as_typed("n"), ", the number of samples, is needed")
  n <- per_unit(n, Z, "n", d + 2)
  variance <- if (is.null(maf)) {
    rep(1, J)
  } else {
    maf <- per_unit(maf, Z, "maf", 0)
    if (any(maf <= 0 | maf >= 1)) stop_mnmash("value", "`maf` must be between 0 and 1")
    2 * maf * (1 - maf)
  }
  sigma_alpha <- check_grid(sigma_alpha)
  formula <- match_choice(formula, c("finite", "known"))
  weights <- match_choice(weights, c("prior", "estimate"))
  unused <- if (weights == "prior") "nullweight" else "pi0"
  if (!is.null(get(unused))) {
    stop_mnmash(
      "argument", as_typed(unused), " has no use with `weights = \"", weights, "\"`: leave it out"
    )
  }
  pi0 <- if (is.null(pi0)) 0.5 else check_number(pi0, 0, 1)
  nullweight <- if (is.null(nullweight)) 10 else check_number(nullweight, 1)
  if (pi0 == 1) {
    stop_mnmash("argument", as_typed("pi0"), " must be below 1: associations need a weight")
  }
  V <- if (is.null(V)) null_correlation(Z) else check_noise(V, d, colnames(Z))
  gamma <- as.matrix(expand.grid(rep(list(0:2), d)))
  keep <- rowSums(gamma) == 0 | rowSums(gamma == 1) > 0
  gamma <- unname(gamma[keep, , drop = FALSE])
  models <- matrix(c("U", "D", "I")[gamma + 1L], ncol = d)
  dimnames(models) <- list(apply(models, 1L, paste0, collapse = ""), colnames(Z))
  prior <- udi_prior(gamma, pi0)
  w <- outer(prior, rep(1 / length(sigma_alpha), length(sigma_alpha)))
  statistics <- list(z = Z, V = V, n = n, variance = variance)
  threads <- resolve_threads(n_threads)
  if (formula == "finite" && weights == "prior") {
    found <- call_core(
      "associate",
      statistics = statistics, models = models, scales = sigma_alpha, weights = w,
      label = "Association", total = J, n_threads = threads
    )
  } else {
    # Weights are found from the Bayes factors of all units together.
    log_bf <- association_log_bf(statistics, sigma_alpha, models, formula, threads)
    if (weights == "estimate") w <- estimate_udi_weights(log_bf, nullweight)
    found <- call_core(
      "associate_factors", log_bf = log_bf, models = models, weights = w, n_threads = threads
    )
  }
  summarise_udi(found, w, models, V, Z)
}

per_unit <- function(x, Z, name, lower) {
  J <- nrow(Z)
  if (!is.numeric(x) || any(!is.finite(x) | x < lower) || !length(x)) {
    stop_mnmash("argument", as_typed(name), " must be one number or one for each of the ", J,
                " units, finite and at least ", lower)
  }
  if (length(x) == 1L && J > 1L) return(rep(as.double(x), J))
  as.double(align_vector(x, rownames(Z), J, name, "unit", to = as_typed("Z")))
}

null_correlation <- function(Z) {
  null <- rowSums(abs(Z) >= 2) == 0
  if (sum(null) < 10 * ncol(Z)) {
    stop_mnmash(
      "argument", as_typed("V"), " must be given: only ", sum(null), " rows of ", as_typed("Z"),
      " have all |z| below 2, too ",
      "few to estimate it from"
    )
  }
  unname(stats::cor(Z[null, , drop = FALSE]))
}

# Models x units x scales, natural logarithms; the null first.
association_log_bf <- function(statistics, sigma, models, formula, n_threads) {
  Z <- statistics$z
  V <- statistics$V
  if (formula == "finite") {
    found <- call_core(
      "association",
      statistics = statistics, models = models, scales = sigma, label = "Association",
      total = nrow(Z), n_threads = n_threads
    )
    return(array(found, c(nrow(models), nrow(Z), length(sigma))))
  }
  U <- cov_udi(mash_set_data(unname(Z), V = V), unname(models[-1L, , drop = FALSE]))
  out <- array(0, c(nrow(models), nrow(Z), length(sigma)))
  # Units of the same n 2 maf (1 - maf) have the same grid of scales.
  size <- statistics$n * statistics$variance
  for (s in unique(size)) {
    rows <- which(size == s)
    data <- mash_set_data(unname(Z[rows, , drop = FALSE]), V = V)
    g <- list(
      pi = rep(1, 1 + length(U) * length(sigma)), Ulist = U, grid = sigma * sqrt(s),
      usepointmass = TRUE
    )
    loglik <- loglik_matrix(data, g, n_threads)
    ratio <- loglik[, -1L, drop = FALSE] - loglik[, 1L]
    dim(ratio) <- c(length(rows), length(U), length(sigma))
    out[-1L, rows, ] <- aperm(ratio, c(2L, 1L, 3L))
  }
  out
}

# 1 - pi0 evenly over the number of D, then of U, then over choices.
udi_prior <- function(gamma, pi0) {
  d <- ncol(gamma)
  D <- rowSums(gamma == 1)
  U <- rowSums(gamma == 0)
  I <- d - D - U
  out <- (1 - pi0) / d / (d - U) / (choose(d, U) * choose(d - U, D))
  out[D == 0] <- 0
  out[D == 0 & U == d] <- pi0
  out
}

# The best weights of models and scales together; the null has one weight.
estimate_udi_weights <- function(log_bf, nullweight) {
  K <- dim(log_bf)[1L]
  S <- dim(log_bf)[3L]
  columns <- aperm(log_bf[-1L, , , drop = FALSE], c(2L, 1L, 3L))
  dim(columns) <- c(dim(columns)[1L], (K - 1L) * S)
  fit <- mixture_weights(cbind(0, columns), prior = "nullbiased", nullweight = nullweight)
  out <- matrix(0, K, S)
  out[1L, ] <- fit$pi[1L] / S
  out[-1L, ] <- fit$pi[-1L]
  out
}

# What the core found, with names.
summarise_udi <- function(found, w, models, V, Z) {
  K <- nrow(models)
  J <- nrow(Z)
  units <- rownames(Z)
  names <- list(rownames(models), units)
  posterior <- matrix(found$probability, K, J, dimnames = names)
  roles <- c("U", "D", "I")
  marginal <- array(found$marginal, c(J, ncol(models), 3L), list(units, colnames(models), roles))
  average <- found$average / log(10)
  top <- data.frame(
    model = rownames(models)[found$best], probability = posterior[cbind(found$best, seq_len(J))],
    log10_bf = average, row.names = if (!anyDuplicated(units)) units
  )
  structure(
    list(
      log10_bf = matrix(found$mean / log(10), K, J, dimnames = names),
      log10_bf_average = stats::setNames(average, units),
      posterior = posterior, marginal = marginal, top = top, models = models, weights = w,
      V = `dimnames<-`(V, if (!is.null(colnames(Z))) list(colnames(Z), colnames(Z)))
    ),
    class = "bmass"
  )
}

#' @rdname bmass
#' @param x a result of `bmass()`.
#' @inheritParams shared_arguments
#' @export
print.bmass <- function(x, ...) {
  take_dots(...)
  J <- ncol(x$posterior)
  cat(
    "Association of ", J, if (J == 1L) " unit" else " units", " with ", ncol(x$models),
    " conditions: ", nrow(x$models), " models\n",
    "  average log10 Bayes factor above 0, 3, 6: ",
    paste(vapply(c(0, 3, 6), \(t) sum(x$log10_bf_average > t), 0L), collapse = ", "), " units\n",
    sep = ""
  )
  counts <- sort(table(x$top$model), decreasing = TRUE)
  cat("  most probable: ", first_few(paste0(names(counts), " (", counts, ")")), "\n", sep = "")
  invisible(x)
}

#' @rdname bmass
#' @param object a result of `bmass()`.
#' @param threshold probability from which an association counts.
#' @export
summary.bmass <- function(object, threshold = 0.5, ...) {
  take_dots(...)
  threshold <- check_number(threshold, 0, 1)
  counts <- apply(object$marginal >= threshold, c(2L, 3L), sum)
  dimnames(counts) <- list(
    labels_or_numbers(colnames(object$models), nrow(counts)),
    c("unassociated", "direct", "indirect")
  )
  structure(
    list(n_units = ncol(object$posterior), threshold = threshold, counts = counts),
    class = "summary.bmass"
  )
}

#' @export
print.summary.bmass <- function(x, ...) {
  take_dots(...)
  cat(
    x$n_units, if (x$n_units == 1L) " unit" else " units", ", by condition, with a probability of ",
    x$threshold, " or more:\n",
    sep = ""
  )
  print(x$counts)
  invisible(x)
}

#' @rdname bmass
#' @inheritParams shared_arguments
#' @export
as.data.frame.bmass <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  J <- ncol(x$posterior)
  d <- ncol(x$models)
  marginal <- stats::setNames(lapply(1:3, \(k) as.vector(x$marginal[, , k])), c("U", "D", "I"))
  data.frame(
    unit = rep(labels_or_numbers(colnames(x$posterior), J), d),
    condition = rep(labels_or_numbers(colnames(x$models), d), each = J),
    unassociated = marginal$U, direct = marginal$D, indirect = marginal$I
  )
}

#' @export
`$.bmass` <- function(x, name) exact_entry(x, name)

#' @exportS3Method generics::tidy
tidy.bmass <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.bmass <- function(x, ...) {
  take_dots(...)
  data.frame(
    units = ncol(x$posterior), conditions = ncol(x$models), models = nrow(x$models),
    expected_associated = sum(1 - x$posterior[1L, ])
  )
}
