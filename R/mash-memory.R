# How much memory the estimation of the weights may take.

# Bytes that the likelihoods may take: the option `mnmash.memory`, 2e9 by default.
memory_limit <- function() {
  check_number(getOption("mnmash.memory", 2e9), name = "option mnmash.memory", 0)
}

# Said of a fit whose J x P likelihoods are not held.
describe_memory <- function(data, g, optmethod) {
  size <- 8 * nrow(data$Bhat) * n_components(g)
  # These two need the matrix.
  if (size <= memory_limit() || optmethod %in% c("mixSQP", "mixEM")) return("")
  paste0(
    ", by blocks: their likelihoods take ", format(size / 1e9, digits = 2), " GB, more than the ",
    "option mnmash.memory allows (", format(memory_limit() / 1e9, digits = 2), " GB)"
  )
}

n_components <- function(g) g$usepointmass + length(g$Ulist) * length(g$grid)
