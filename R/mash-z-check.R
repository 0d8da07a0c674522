# Do the z-scores look like draws from the fitted model?
#
# Under it z_jr = x_jr / s_jr has the distribution sum_p pi_p N(0, V_rr + w^2 U_rr / s_jr^2), and
# E[z_jr z_jq] = V_rq + (sum_p pi_p w^2 U_rq) / (s_jr s_jq).

#' Predictive check of z-scores
#'
#' Holds the z-scores of the data against their distribution under the fitted prior and the residual
#' correlation: condition by condition (are there as many large ones as predicted?), and pair by
#' pair (is the mean product of z-scores as predicted?). Done on the data of the fit this finds
#' gross misfit only, such as a wrong `V`, standard errors that are too small, or a pattern of
#' sharing without a matrix for it; on other data it is a check of the prior too.
#'
#' @param data data from [mash_set_data()], with the fit's conditions and `alpha`.
#' @param threshold absolute z-scores beyond which to count.
#' @param max_units at most this many units (spread evenly over the rows) for the distribution
#'   functions; pairs use all units.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mash_z_check`, a list of
#' - `conditions`: a data frame with a row for each condition and threshold: `condition`,
#'   `threshold`, `n` (observed cells used), `observed` and `expected` (numbers of |z| beyond the
#'   threshold), and `score`, their difference in standard errors (units taken as independent);
#' - `pit`: units used x R matrix of predictive probabilities P(Z <= z): uniform under the model;
#' - `moments`: R x R matrices `observed` and `expected` of mean products of z-scores, and `score`,
#'   their difference in standard errors (from the spread over units); over the units observed in
#'   both conditions.
#'
#' `print()` and `summary()` show the largest departures; `as.data.frame()` (and `tidy()` of package
#' generics) is `conditions`; `plot()` shows the quantiles of `pit` against those of a uniform
#' distribution, by condition (by ggplot2).
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' mash_z_check(m, data)
#' # Standard errors half as large as they should be
#' small <- mash_set_data(sims$Bhat, sims$Shat / 2)
#' mash_z_check(m, small)
mash_z_check <- function(m, data, threshold = c(2, 3, 4), max_units = 1e5, ...) {
  take_dots(...)
  g <- given_prior(m, data, "m")
  if (!is.null(data$L)) {
    stop_mnmash("unsupported", as_typed("data"), " are contrasts: check the conditions themselves")
  }
  if (!identical(max_units, Inf)) max_units <- check_count(max_units)
  bad <- !is.numeric(threshold) || !length(threshold) || !all(is.finite(threshold))
  if (bad || any(threshold < 0)) {
    stop_mnmash("argument", as_typed("threshold"), " must hold numbers of at least 0")
  }
  J <- nrow(data$Bhat)
  rows <- if (J > max_units) round(seq(1, J, length.out = max_units)) else seq_len(J)
  few <- data_rows(data, rows)
  R <- ncol(data$Bhat)
  pit <- matrix(NA_real_, length(rows), R, dimnames = dimnames(few$Bhat))
  conditions <- vector("list", R)
  for (r in seq_len(R)) {
    seen <- if (is.null(few$missing)) rep(TRUE, length(rows)) else !few$missing[, r]
    predictive <- predictive_of(few, g, r, seen)
    z <- few$Bhat[seen, r] / few$Shat[seen, r]
    pit[seen, r] <- predictive(z)
    conditions[[r]] <- count_beyond(z, predictive, threshold)
    conditions[[r]]$condition <- condition_names(few$Bhat)[r]
  }
  conditions <- do.call(rbind, conditions)
  structure(
    list(
      conditions = conditions[c("condition", "threshold", "n", "observed", "expected", "score")],
      pit = pit, moments = product_moments(data, g)
    ),
    class = "mash_z_check"
  )
}

# z -> P(Z <= z) for the units seen in condition r. Components with the same variance are one.
predictive_of <- function(data, g, r, seen) {
  variance <- outer(vapply(g$Ulist, \(U) U[r, r], 0), g$grid^2)
  pi <- if (g$usepointmass) g$pi[-1L] else g$pi
  values <- c(0, variance, g$product$grid^2)
  weights <- c(
    if (g$usepointmass) g$pi[1L] else 0, pi, g$product$weight * g$product$pi[, r]
  )
  groups <- match(values, unique(values))
  weights <- as.vector(rowsum(as.double(weights), groups, reorder = FALSE))
  values <- unique(values)
  used <- weights > 1e-12
  s <- data$Shat[seen, r]
  error <- if (length(dim(data$V)) == 2L) data$V[r, r] else data$V[r, r, seen]
  function(z) {
    total <- 0
    for (p in which(used)) {
      total <- total + weights[p] * stats::pnorm(z, sd = sqrt(error + values[p] / s^2))
    }
    total
  }
}

count_beyond <- function(z, predictive, thresh) {
  counts <- lapply(thresh, \(t) {
    beyond <- 2 * predictive(rep(-t, length(z)))
    observed <- sum(abs(z) > t)
    sd <- sqrt(sum(beyond * (1 - beyond)))
    data.frame(
      threshold = t, n = length(z), observed = observed, expected = sum(beyond),
      score = if (sd > 0) (observed - sum(beyond)) / sd else NA_real_
    )
  })
  do.call(rbind, counts)
}

product_moments <- function(data, g) {
  R <- ncol(data$Bhat)
  observed <- if (is.null(data$missing)) matrix(1, nrow(data$Bhat), R) else 1 * !data$missing
  pi <- matrix(if (g$usepointmass) g$pi[-1L] else g$pi, length(g$Ulist))
  by_matrix <- drop(pi %*% g$grid^2)
  effect <- Reduce(`+`, Map(`*`, g$Ulist, by_matrix))
  if (!is.null(g$product)) {
    effect <- effect + diag(g$product$weight * unname(product_variances(g$product)), R)
  }
  z <- observed * data$Bhat / data$Shat
  precision <- observed / data$Shat
  n <- crossprod(observed)
  mean <- crossprod(z) / n
  spread <- sqrt(pmax(crossprod(z^2) / n - mean^2, 0) / n)
  expected <- mean_correlation(data, observed, n) + effect * crossprod(precision) / n
  list(
    observed = mean, expected = named_as(expected, mean),
    score = named_as((mean - expected) / spread, mean)
  )
}

mean_correlation <- function(data, observed, n) {
  if (length(dim(data$V)) == 2L) return(data$V)
  R <- ncol(observed)
  seen <- t(observed)
  both <- seen[rep(seq_len(R), R), , drop = FALSE] * seen[rep(seq_len(R), each = R), , drop = FALSE]
  matrix(rowSums(matrix(data$V, R * R) * both), R) / n
}

named_as <- function(x, like) {
  dimnames(x) <- dimnames(like)
  x
}

#' @param x,object what `mash_z_check()` returned.
#' @rdname mash_z_check
#' @export
print.mash_z_check <- function(x, ...) {
  take_dots(...)
  print(summary(x))
  invisible(x)
}

#' @param top how many conditions with thresholds, and pairs of conditions, to show: those that
#'   depart most.
#' @rdname mash_z_check
#' @export
summary.mash_z_check <- function(object, top = 3, ...) {
  take_dots(...)
  top <- check_count(top)
  score <- object$moments$score
  upper <- which(upper.tri(score, diag = TRUE))
  pairs <- upper[by_size(score[upper], top)]
  at <- arrayInd(pairs, dim(score))
  names <- condition_names(object$pit)
  structure(
    list(
      n = sum(!is.na(object$pit)), n_conditions = ncol(object$pit),
      conditions = object$conditions[by_size(object$conditions$score, top), ],
      pairs = data.frame(
        a = names[at[, 1L]], b = names[at[, 2L]], observed = object$moments$observed[pairs],
        expected = object$moments$expected[pairs], score = score[pairs]
      )
    ),
    class = "summary.mash_z_check"
  )
}

by_size <- function(score, top) utils::head(order(-abs(score)), top)

#' @export
print.summary.mash_z_check <- function(x, ...) {
  take_dots(...)
  cat(
    "Predictive check of ", counted(x$n, "z-score"), " in ", x$n_conditions, " conditions\n",
    "  numbers beyond a threshold that depart most (score: in standard errors):\n",
    sep = ""
  )
  shown <- x$conditions
  shown[5:6] <- lapply(shown[5:6], round, 1)
  print(shown, row.names = FALSE)
  cat("  mean products of z-scores that depart most:\n")
  shown <- x$pairs
  shown[3:4] <- lapply(shown[3:4], round, 3)
  shown$score <- round(shown$score, 1)
  print(shown, row.names = FALSE)
  invisible(x)
}

#' @rdname mash_z_check
#' @export
as.data.frame.mash_z_check <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  x$conditions
}

#' @exportS3Method generics::tidy
tidy.mash_z_check <- function(x, ...) {
  take_dots(...)
  x$conditions
}

#' @exportS3Method generics::glance
glance.mash_z_check <- function(x, ...) {
  take_dots(...)
  data.frame(
    n = sum(!is.na(x$pit)), n_conditions = ncol(x$pit),
    largest_score = max(abs(x$conditions$score), na.rm = TRUE),
    largest_pair_score = max(abs(x$moments$score), na.rm = TRUE)
  )
}

#' @rdname mash_z_check
#' @export
plot.mash_z_check <- function(x, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  at <- (seq_len(200) - 0.5) / 200
  names <- condition_names(x$pit)
  shown <- do.call(rbind, lapply(seq_len(ncol(x$pit)), \(r) {
    data.frame(
      condition = names[r], expected = at,
      observed = stats::quantile(x$pit[, r], at, na.rm = TRUE, names = FALSE)
    )
  }))
  plot <- ggplot2::ggplot(
    shown, ggplot2::aes(.data$expected, .data$observed - .data$expected, group = .data$condition)
  ) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey60", linetype = "dashed") +
    ggplot2::geom_line(colour = "#2a6f97", alpha = if (ncol(x$pit) > 8L) 0.4 else 0.8) +
    ggplot2::labs(
      x = "predictive probability", y = "observed quantile less expected",
      title = "Predictive check of z-scores", subtitle = "one line for each condition"
    ) +
    ggplot2::theme_minimal()
  picture(plot, 6, 4, file)
}
