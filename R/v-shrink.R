# Correlations shrunk together (Stephens 2017; Dey and Stephens 2018).
shrunken_correlation <- function(moments, nullweight, n_threads = NULL) {
  nullweight <- check_number(nullweight, 1)
  call_core(
    "shrunken_correlation",
    moments = moments,
    control = list(fewest = min(fewest_rows, max(moments$n)), nullweight = nullweight),
    n_threads = resolve_threads(n_threads)
  )
}
