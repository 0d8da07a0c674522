# What is said of data that are taken as they are, but may not be what they seem.

# Cells that look like missing values in other people's coding: an effect of exactly zero with one
# and the same standard error, far larger than any other.
tell_coded_missing <- function(Bhat, Shat, few = 3, far = 5) {
  largest <- max(Shat, na.rm = TRUE)
  coded <- which(Shat == largest)
  if (length(coded) < few || any(Bhat[coded] != 0, na.rm = TRUE)) return(invisible())
  others <- Shat[-coded]
  if (all(is.na(others)) || largest < far * max(others, na.rm = TRUE)) return(invisible())
  tell_once(
    number(length(coded)), " cells have an effect of exactly 0 and the standard error ",
    format(largest), ", the first at ", describe_cell(Bhat, coded[1L]), ": if that stands for ",
    "missing values, give NA in `Bhat` and `Shat`, which are integrated out exactly"
  )
}

# Said of effects whose standard errors depend on them where the model takes them not to.
tell_few_df <- function(df, alpha, few = 30) {
  df <- df[!is.na(df)]
  share <- if (length(df)) mean(df < few) else 0
  if (alpha > 0 || share < 0.1) return(invisible())
  tell_once(
    "`df` is below ", few, " in ", format(100 * share, digits = 2), "% of the cells, and `alpha` ",
    "is 0: standard errors that are made for few degrees of freedom depend on the effects, and ",
    "lfsr then promise too much; use `alpha = 1`"
  )
}
