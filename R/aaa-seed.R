# Random numbers from a seed, the same whatever generator the session uses (workers of
# future::plan() have another); R's own are left as they were found. Without a seed they are used.
with_seed <- function(seed, code) {
  if (is.null(seed)) return(code)
  seed <- check_set_seed(seed)
  old <- get0(".Random.seed", globalenv(), inherits = FALSE)
  kind <- RNGkind()
  on.exit({
    do.call(RNGkind, as.list(kind))
    if (is.null(old)) {
      rm(".Random.seed", envir = globalenv())
    } else {
      assign(".Random.seed", old, envir = globalenv())
    }
  })
  set.seed(seed, "Mersenne-Twister", "Inversion", "Rejection")
  code
}

# A seed as a number; one of R's random numbers is used if there is none.
check_seed <- function(seed) {
  if (is.null(seed)) return(floor(stats::runif(1) * 2^31))
  seed <- check_number(seed, -2^53, 2^53)
  if (seed != round(seed)) stop_mnmash("argument", "`seed` must be a whole number, not ", seed)
  seed
}
