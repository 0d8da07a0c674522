# Statistics and correlations that cannot be of the same data: what a fit to them shows, the likely
# cause, and what to do.

# How far `LD` may be off, for the core: the samples that it is from, if these are not those of the
# statistics, and a relative error of fitted z-scores: of numbers that were rounded and samples that
# differ a little; more for z-scores of unknown sample size, and for shrunken correlations.
ld_slack <- function(LD_samples, n = NULL, shrink = 0) {
  c(
    ld_samples(LD_samples) %||% Inf,
    max(if (is.null(n)) 0.05 else 0.02, min(shrink / (1 - shrink), 1e6))
  )
}

ld_samples <- function(LD_samples) {
  if (!is.null(LD_samples)) check_number(LD_samples, 3, name = "LD_samples")
}

# The log-likelihood of a perfect fit of n samples with noise V.
largest_loglik <- function(V, n) {
  if (!n > 0) return(NA_real_)
  V <- as.matrix(V)
  -n / 2 * (nrow(V) * log(2 * pi) + as.numeric(determinant(V)$modulus))
}

# What a fit says of its data: `found` is what the core looked at, `bound` the bound on its
# log-likelihood and what that cannot exceed, and `of` the data: z-scores `Z` (p x R), noise `V`,
# `LD`, `Shat` if it was given, names of `predictors` and `conditions`, and `typed`, how to name them.
# If they contradict each other, `action` is taken: "stop" or "warn". `where` begins the message.
data_check <- function(found, bound, of, action, where = "") {
  predictors <- of$predictors %||% as.character(seq_len(nrow(of$Z)))
  some <- utils::head(seq_along(found$variable), 20L)
  check <- list(
    bound = c(bound = bound[[1L]], largest = bound[[2L]]),
    explained = if (!is.null(found$left)) stats::setNames(1 - found$left, of$conditions),
    pairs = data.frame(
      predictor = predictors[found$variable[some]], lead = predictors[found$lead[some]],
      statistic = found$statistic[some], swapped = found$swapped[some]
    ),
    p = found$p, mean_square = spread_of(of)
  )
  facts <- contradictions(check)
  if (!length(facts)) return(check)
  check$cause <- likely_cause(check, found, of)
  worst <- utils::head(check$pairs$predictor, 10L)
  if (!length(worst)) worst <- predictors[utils::head(order(-rowSums(of$Z^2)), 10L)]
  message <- paste0(
    where, of$typed$z, " and ", of$typed$LD, " contradict each other: ",
    paste(facts, collapse = "; "), ". Likely cause: ", describe_cause(check$cause, of$typed),
    ". Furthest off: ", paste(worst, collapse = ", "), ". ", of$typed$qc,
    " says how far they disagree, and which are outliers or have swapped alleles; ",
    if (action == "stop") "`contradiction = \"warn\"` fits all the same" else
      "the fit has no meaning where they do"
  )
  if (action == "stop") {
    stop_mnmash("contradiction", message, data = list(check = check))
  }
  warn_mnmash("contradiction", message, data = list(check = check))
  check
}

# What is impossible, in words; nothing if all is possible.
contradictions <- function(check) {
  facts <- character()
  worst <- if (length(check$explained)) which.max(check$explained)
  if (length(worst) && check$explained[worst] > 1.001) {
    facts <- paste0(
      "the fit explains ", signif(check$explained[[worst]], 3), " times the variance",
      if (!is.null(names(worst))) paste0(" of ", names(worst))
    )
  }
  over <- check$bound[["bound"]] - check$bound[["largest"]]
  if (isTRUE(over > 1e-6 * abs(check$bound[["largest"]]))) {
    facts <- c(facts, "the bound on its log-likelihood exceeds that of a perfect fit")
  }
  if (check$p < 1e-4) {
    facts <- c(facts, paste0(
      "of what it leaves, predictors differ that are alike (p = ", format_p(check$p), ")"
    ))
  }
  if (check$mean_square[["p"]] < 1e-4) {
    facts <- c(facts, paste0(
      "z-scores are closer to zero than chance allows (mean square ",
      signif(check$mean_square[["mean"]], 2), ", p = ", format_p(check$mean_square[["p"]]), ")"
    ))
  }
  facts
}

format_p <- function(p) if (p < 1e-300) "0" else format(p, digits = 1L)

# The mean square of z-scores, at least about one, and the probability of so little: sums of squares
# of N(0, LD) have the mean and variance of p / m times a chi-squared variable with
# m = p^2 / sum(LD^2) degrees of freedom.
spread_of <- function(of) {
  Z <- backsolve(chol(stats::cov2cor(as.matrix(of$V))), t(of$Z), transpose = TRUE)
  mean <- mean(Z^2)
  df <- nrow(of$Z)^2 / ld_squares(of$LD) * ncol(of$Z)
  p <- if (mean < 0.5) stats::pchisq(mean * df, df) else 1
  # Between zero and one is a third of a normal distribution.
  if (all(of$Z >= 0 & of$Z <= 1)) p <- min(p, 0.3414^df)
  c(mean = mean, p = p)
}

# One word: "p_values", "scale", "variances", "unsigned", "squared", "alleles" or "population".
likely_cause <- function(check, found, of) {
  Z <- of$Z
  few <- nrow(Z) < 10L
  if (!few && all(Z >= 0 & Z <= 1)) return("p_values")
  if (check$mean_square[["p"]] < 1e-4) {
    return(if (!is.null(of$Shat) && stats::median(of$Shat) > 1) "variances" else "scale")
  }
  if (!is.null(of$Shat) && are_variances(of)) return("variances")
  if (!few && all(Z >= 0)) return("unsigned")
  if (!few && are_squares(of)) return("squared")
  top <- utils::head(found$swapped[found$statistic > 20], 10L)
  if (length(top) && mean(top) >= 0.5) "alleles" else "population"
}

# Whether z-scores of the roots of `Shat` would agree with one another where those of `Shat` do not.
are_variances <- function(of) {
  r <- which.max(apply(of$Z^2, 2L, max))
  root <- of$Z[, r] * sqrt(of$Shat[, r])
  lead <- which.max(abs(root))
  column <- ld_column(of$LD, lead)
  near <- which(abs(column) > 0.6 & abs(column) < 0.995)
  if (!length(near)) return(FALSE)
  differ <- \(z) stats::median((z[near] - column[near] * z[lead])^2 / (1 - column[near]^2))
  differ(of$Z[, r]) > 30 && differ(root) < 10 && stats::median(root^2) > 0.2
}

# Whether correlations have no sign, and fit the neighbours of the strongest z-score less well than
# their roots.
are_squares <- function(of) {
  if (ld_least(of$LD) < 0) return(FALSE)
  strength <- rowSums(of$Z^2)
  lead <- which.max(strength)
  column <- ld_column(of$LD, lead)
  near <- setdiff(which(column > 0.1), lead)
  if (!length(near)) return(FALSE)
  miss <- \(r) stats::median(abs(sqrt(strength[near]) - r * sqrt(strength[lead])))
  miss(sqrt(column[near])) < miss(column[near])
}

describe_cause <- function(cause, typed) {
  switch(
    cause,
    p_values = paste0(
      typed$z, " has only values between 0 and 1, as if they were p-values: z-scores are ",
      "sign(effect) * qnorm(p / 2, lower.tail = FALSE)"
    ),
    scale = paste0(
      typed$z, " is not in units of its standard errors: give effects divided by these"
    ),
    variances = paste0(typed$Shat, " holds variances in place of standard errors: give its sqrt()"),
    unsigned = paste0(
      typed$z, " has no negative value, as if it held |z|: give z-scores with their signs"
    ),
    squared = paste0(typed$LD, " holds r^2 in place of r: give correlations with their signs"),
    alleles = paste0(
      "alleles that are swapped in the statistics or in ", typed$LD, ": turn the signs of those ",
      "that are swapped, or leave them out"
    ),
    population = paste0(
      typed$LD, " of other people than the statistics (another ancestry), or in another order; or ",
      "statistics of different samples each: use that of the samples of the study, say ",
      "by `LD_samples` from how many people it is, or leave outliers out"
    )
  )
}

# How to name the data in messages. `kind` is the argument that z-scores came as.
typed_data <- function(kind) {
  list(
    z = as_typed(kind), LD = as_typed(if (kind == "XtY") "XtX" else "LD"),
    Shat = as_typed("Shat"),
    qc = switch(
      kind, Z = "qc_sumstats(Z, LD, n)", Bhat = "qc_sumstats(Bhat / Shat, LD, n)",
      "qc_sumstats() of their z-scores and correlations"
    )
  )
}

ld_column <- function(LD, j) as.vector(LD[, j])

ld_squares <- function(LD) if (isS4(LD)) sum(LD@x^2) else norm(LD, "F")^2

ld_least <- function(LD) if (isS4(LD)) min(LD@x) else min(LD)
