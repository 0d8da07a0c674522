# What a fit is worth where the truth is known.

bins <- c(0, 0.01, 0.05, 0.1, 0.2)

# One row of numbers. A call is a cell with lfsr < .05; it is wrong if the sign of its posterior
# mean is, or its effect is zero. `observed_x` and `promised_x` are sums over cells by bins of lfsr.
score <- function(d, m) {
  mean <- get_pm(m)
  lfsr <- get_lfsr(m)
  wrong <- sign(mean) != sign(d$B)
  call <- lfsr < 0.05
  z <- apply(abs(d$Bhat / d$Shat), 1, max, na.rm = TRUE)
  top <- order(-z)[seq_len(round(0.05 * length(z)))]
  covered <- abs(d$B - mean)[top, ] <= stats::qnorm(0.95) * get_psd(m)[top, ]
  # True calls when cells are ranked by lfsr, down to where the true error reaches one in a hundred.
  order <- order(lfsr)
  errors <- cumsum(wrong[order])
  within <- which(errors <= 0.01 * seq_along(order))
  last <- if (length(within)) max(within) else 0
  size <- ifelse(is.na(d$Shat), 1, d$Shat)
  measured <- ifelse(is.na(d$Bhat), 0, d$Bhat)
  bin <- cut(lfsr, bins, include.lowest = TRUE, right = FALSE)
  by_bin <- rbind(
    observed = tapply(wrong, bin, sum, default = 0), promised = tapply(lfsr, bin, sum, default = 0)
  )
  colnames(by_bin) <- bins[-1]
  data.frame(
    calls = sum(call), wrong = sum(wrong[call]), promised = sum(lfsr[call]),
    calls_at_1_percent = last - if (last) errors[last] else 0,
    null_row_calls = sum(call[rowSums(d$B != 0) == 0, ]), covered = mean(covered),
    rrmse = sqrt(sum(((mean - d$B) / size)^2) / sum(((measured - d$B) / size)^2)),
    null_weight = unname(get_estimated_pi(m)["null"]), loglik = get_loglik(m),
    as.list(stats::setNames(
      as.vector(by_bin), outer(rownames(by_bin), colnames(by_bin), paste, sep = "_")
    ))
  )
}

# Means over replicates, and ratios of sums, with the standard errors of the jackknife.
summarise <- function(scores) {
  groups <- split(scores, list(scores$arm, scores$design, scores$R), drop = TRUE, lex.order = FALSE)
  found <- lapply(groups, \(g) {
    n <- nrow(g)
    ratio <- \(over, under) if (sum(under) > 0) sum(over) / sum(under) else NA
    spread <- \(over, under) {
      if (n < 2) return(NA)
      without <- vapply(seq_len(n), \(i) ratio(over[-i], under[-i]), 0)
      sqrt((n - 1) / n * sum((without - mean(without))^2))
    }
    middle <- list(g$observed_0.1 + g$observed_0.2, g$promised_0.1 + g$promised_0.2)
    data.frame(
      design = g$design[1], R = g$R[1], arm = g$arm[1], n = n, calls = mean(g$calls),
      ratio = ratio(g$wrong, g$promised), se = spread(g$wrong, g$promised),
      ratio_middle = ratio(middle[[1]], middle[[2]]), at_1_percent = mean(g$calls_at_1_percent),
      at_se = stats::sd(g$calls_at_1_percent) / sqrt(n), null_row_calls = mean(g$null_row_calls),
      covered = mean(g$covered), rrmse = mean(g$rrmse), null_weight = mean(g$null_weight),
      seconds = mean(g$seconds)
    )
  })
  found <- do.call(rbind, found)
  place <- \(x, all) match(x, names(all))
  found <- found[order(place(found$design, designs), found$R, place(found$arm, arms)), ]
  rownames(found) <- NULL
  found
}

# What a reader of the table must know.
legend <- c(
  "# Observed against promised error rates",
  "",
  "Simulated effects whose truth is known (`bench/calibration/designs.R`), and mash under",
  "priors that are known or learnt in several ways (`bench/calibration/arms.R`). Written by",
  "`bench/calibration.R`; one row for each design, number of conditions and prior.",
  "",
  "- `design`: `plain` (shared effects of six kinds, one unit in five), `missing` (half of the",
  "  cells are), `correlated` (errors, by .6), `heavy` (tails of the sizes), `errors` (standard",
  "  errors differ by cell), `linked` and `linked_subsets` (runs of ten units that tag one",
  "  effect, given as blocks), `independent` (cells with effects of their own), `half` (half of",
  "  the units each), `subsets` (random subsets of conditions, exact zeros in the others),",
  "  `decaying` (variances fall over the conditions), `few` and `few_subsets` (400 units),",
  "  `null` (no effects), `tissues` and `tissues_alike` (as in Urbut et al. 2019, 44",
  "  conditions). 4000 units where not said otherwise.",
  "- `R`: conditions; `arm`: the prior; `n`: replicates.",
  "- `calls`: cells with lfsr < .05, per replicate.",
  "- `ratio`: of these, wrong signs (or effects that are zero) over the sum of their lfsr: 1 is",
  "  a promise that is kept, 2 twice as many errors as promised; `se` its standard error",
  "  (jackknife).",
  "- `ratio_middle`: the same where lfsr is between .05 and .2.",
  "- `at_1_percent`: true calls when cells are ranked by lfsr and cut where the true error is 1",
  "  %: what a ranking is worth whatever it promises; `at_se` its standard error.",
  "- `null_row_calls`: calls in units without any effect, per replicate.",
  "- `covered`: of the 5 % strongest rows, cells whose effect is in the 90 % interval.",
  "- `rrmse`: root mean square error of posterior means, relative to that of the measurements.",
  "- `null_weight`: of the fitted prior; `seconds`: to learn and fit, one thread.",
  "",
  "Replicates from 101 on (see `calibration.csv`) were used for no choice. Those below are of",
  "the package without independent effects, second penalty and raised lfsr: where a design has",
  "none from 101 on, its `learn_prior` is of that state.",
  ""
)

markdown <- function(table) {
  plain <- \(x) {
    if (is.numeric(x)) vapply(signif(x, 3), format, "", scientific = FALSE) else x
  }
  cells <- do.call(cbind, lapply(table, plain))
  c(
    legend, paste0("| ", paste(names(table), collapse = " | "), " |"),
    paste0("|", strrep(" --- |", ncol(table))),
    apply(cells, 1, \(row) paste0("| ", paste(trimws(row), collapse = " | "), " |"))
  )
}
