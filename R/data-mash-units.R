# An array of V by feature as one by unit, for units that are called by their features.
unit_correlations <- function(V, units, name) {
  features <- if (length(dim(V)) == 3L) dimnames(V)[[3L]]
  if (is.null(features) || identical(features, units)) return(V)
  of <- features_of_units(units, features)
  if (anyNA(of)) {
    if (all(is.na(of)) && dim(V)[3L] == length(units)) return(V)
    stop_mnmash(
      "names", "the residual correlation has no matrix for unit ", which(is.na(of))[1L], " of ",
      as_typed(name), if (!is.null(units)) paste0(" (", units[is.na(of)][1L], ")"),
      and_more(sum(is.na(of))), ": its matrices are for ", features[1L],
      and_more(length(features)), ", and units must be called <feature>_<unit>"
    )
  }
  V <- V[, , of, drop = FALSE]
  # Features are no units.
  dimnames(V)[3L] <- list(units)
  V
}

# Which of the features a unit called "<feature>_<unit>" belongs to: the longest name that fits; a
# region's name and ":" may stand before it.
features_of_units <- function(units, features) {
  found <- rep(NA_integer_, length(units))
  if (is.null(units)) return(found)
  for (names in list(units, sub("^[^:]*:", "", units))) {
    ends <- gregexpr("[_:]", names)
    last <- max(0L, lengths(ends))
    found <- ifelse(is.na(found), match(names, features), found)
    for (k in rev(seq_len(last))) {
      end <- vapply(ends, `[`, 0L, k)
      begin <- ifelse(is.na(end) | end < 1L, NA, substr(names, 1L, end - 1L))
      found <- ifelse(is.na(found), match(begin, features, incomparables = NA), found)
    }
  }
  found
}

with_missing_units <- function(data, s) {
  if (is.null(data$missing)) return(data)
  s[data$missing] <- NA
  typical <- apply(s, 2L, stats::median, na.rm = TRUE)
  typical[is.na(typical)] <- stats::median(s, na.rm = TRUE)
  typical <- typical^data$alpha
  data$Shat_alpha[data$missing] <- rep(typical, each = nrow(s))[data$missing]
  data
}

# The largest |z| of each unit over the conditions it was observed in.
largest_z <- function(z) {
  z <- abs(z)
  z[is.na(z)] <- -Inf
  z[cbind(seq_len(nrow(z)), max.col(z, "first"))]
}

with_products <- function(input) {
  z <- input$strong.z
  z[is.na(z)] <- 0
  input$XtX <- crossprod(z) / max(1, nrow(z))
  input
}
