# How large the errors of data are, and data in units of them.

# The typical variance of what was measured.
noise_level <- function(data) {
  stats::median((if (is.null(data$missing)) data$Shat else data$Shat[!data$missing])^2)
}

# The strong units measured in their typical noise (1 for z-scores), `unit`: random starts, steps
# and stops are then the same whatever the unit of measurement. A conversion of units rounds, and a
# search that may end in several places can turn on the last digit: what is learnt from is rounded
# to 1e-8 of the noise, so that the digits are the same too.
in_units_of_noise <- function(strong, digits = 2^26) {
  rounded <- \(x, size) round(x / size * digits) / digits * size
  strong$unit <- sqrt(noise_level(strong))
  strong$Bhat <- rounded(strong$Bhat / strong$unit, 1)
  strong$Shat <- strong$Shat / strong$unit
  strong$Shat <- rounded(strong$Shat, 2^floor(log2(strong$Shat)))
  strong$V <- rounded(strong$V, 1)
  strong
}

# What the log-density of a unit loses on average when it is measured in the data's own unit.
log_unit <- function(strong) {
  cells <- length(strong$Bhat) - sum(strong$missing)
  log(strong$unit) * cells / nrow(strong$Bhat)
}
