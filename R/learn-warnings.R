# What learnt priors cannot know, said where they are learnt.

# Below this number of units for each condition a covariance, or a correlation, is mostly noise.
units_wanted <- 5L

warn_few_units <- function(n, what, R) {
  if (n >= units_wanted * R) return(invisible())
  warn_mnmash(
    "few", "there are only ", n, " ", what, " units for ", R, " conditions (at least ",
    units_wanted * R, " are wanted): what is learnt from them is mostly noise, and lfsr may be ",
    "too small"
  )
}

# Warns where V is the identity and units that look null say it is not: a correlation of the errors
# that is left out makes lfsr too small in all units.
warn_identity <- function(data, name = "data") {
  if (ncol(data$Bhat) < 2L || !is_identity(data$V)) return(invisible())
  found <- tryCatch(
    suppressWarnings(
      suppressMessages(residual_correlation(data, "corrected")),
      classes = "mnmash_warning_few"
    ),
    mnmash_error_too_few = \(e) NULL
  )
  if (is.null(found)) return(invisible())
  off <- abs(found[upper.tri(found)])
  # Shared effects too small to be seen, and chance, make for some.
  most <- material_correlation + 2 / sqrt(nrow(data$Bhat))
  if (stats::median(off) < most && mean(off > 2 * most) < 0.05) return(invisible())
  at <- which(abs(found) == max(off) & upper.tri(found), arr.ind = TRUE)[1L, ]
  warn_mnmash(
    "identity", "the errors of ", as_typed(name),
    " are taken as independent, but the z-scores of units ",
    "that look null are correlated, by ", format(found[at[1L], at[2L]], digits = 2), " in ",
    describe_index("conditions", at[1L], colnames(data$Bhat)), " and ",
    sub("^c ", "", describe_index("c", at[2L], colnames(data$Bhat))), ": lfsr will be too small; ",
    "estimate ", as_typed("V"), " by residual_correlation()"
  )
}

# Correlations of the errors from which on they matter.
material_correlation <- 0.15

# Warns where neighbouring units that look null agree, as those in linkage disequilibrium do: each
# such run is one signal, not many. Products of the z-scores of neighbours have mean zero if they
# are independent, whatever the correlation of conditions.
warn_linked <- function(data, name = "data") {
  z <- data$Bhat / data$Shat
  if (!is.null(data$missing)) z[data$missing] <- NA
  quiet <- which(unit_strength(data) < 2)
  first <- quiet[quiet %in% (quiet - 1L)]
  if (length(first) < 50L) return(invisible())
  products <- z[first, , drop = FALSE] * z[first + 1L, , drop = FALSE]
  both <- rowSums(!is.na(products)) > 0
  agree <- rowMeans(products[both, , drop = FALSE], na.rm = TRUE)
  size <- mean(z[first, ]^2, na.rm = TRUE)
  error <- stats::sd(agree) / sqrt(length(agree))
  if (mean(agree) < 0.1 * size || mean(agree) < 6 * error) return(invisible())
  warn_mnmash(
    "linked", "neighbouring rows of `", name, "` are correlated (by ",
    format(mean(agree) / size, digits = 2), " among those that look null), as in linkage ",
    "disequilibrium: they count as independent, and lfsr will be too small; give `blocks` to ",
    "learn_prior()"
  )
}
