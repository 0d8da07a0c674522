# Correlations shrunk together (Stephens 2017; Dey and Stephens 2018).
shrunken_correlation <- function(moments, nullweight, n_threads = NULL) {
  nullweight <- check_number(nullweight, 1)
  from_rust(rust_shrunken_correlation(
    moments$n, moments$cov, moments$var, min(fewest_rows, max(moments$n)), nullweight,
    resolve_threads(n_threads)
  ))
}
