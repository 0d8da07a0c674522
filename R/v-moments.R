moment_correlation <- function(moments) {
  var <- pmax(moments$var, 0)
  spread <- sqrt(var * t(var))
  r <- ifelse(spread > 0, moments$cov / spread, 0)
  diag(r) <- 1
  r
}

fewest_rows <- 10

# Small data without missing values are as they are: there every pair has all rows.
rare_pairs <- function(n) n < min(fewest_rows, max(n))

# Said of conditions that are copies of one another: their correlation is one.
tell_equal_conditions <- function(z) {
  copies <- which(duplicated(lapply(seq_len(ncol(z)), \(r) unname(z[, r]))))
  if (!length(copies)) return(invisible())
  first <- which(colSums(z != z[, copies[1L]], na.rm = TRUE) == 0)[1L]
  tell_once(
    describe_index("condition", first, colnames(z)), " and ",
    describe_index("condition", copies[1L], colnames(z)), " have the same z-scores",
    and_more(length(copies), " copies"), ": with both `V` is singular; leave one of them out"
  )
}

# Conditions with one z-score in all the units that have any: they vary with no other.
constant_conditions <- function(z) {
  which(apply(z, 2L, \(x) length(x <- x[!is.na(x)]) > 1L && all(x == x[1L])))
}

describe_constant <- function(at, z, then) {
  paste0(
    describe_index("condition", at[1L], colnames(z)), " has the same z-score in all units",
    and_more(length(at), " conditions"), ": ", then, "; leave it out"
  )
}

# No correlation with those, which is said.
without_constant <- function(V, z) {
  at <- constant_conditions(z)
  if (!length(at)) return(V)
  tell_once(describe_constant(at, z, "it has no correlation with others"))
  variances <- diag(V)
  variances[at] <- 1
  V[at, ] <- V[, at] <- 0
  diag(V) <- variances
  V
}

refuse_constant <- function(z, name) {
  at <- constant_conditions(z)
  if (!length(at)) return(invisible())
  stop_mnmash(
    "value", as_typed(name), ": ",
    describe_constant(at, z, "its errors have no variance to estimate")
  )
}

# J x R z-scores, NA where missing, of data or of a matrix.
observed_z <- function(data) {
  if (!inherits(data, "mash")) {
    if (is.list(data) && !is.data.frame(data)) check_mash_data(data)
    z <- as_numeric_matrix(data)
    check_finite(z, name = "data")
    check_dimnames(z)
    return(z)
  }
  check_mash_data(data)
  if (!is.null(data$L)) {
    stop_mnmash(
      "argument", as_typed("data"), " are contrasts: estimate ", as_typed("V"),
      " from the conditions themselves"
    )
  }
  z <- data$Bhat / data$Shat
  if (!is.null(data$missing)) z[data$missing] <- NA
  z
}
