# Effects of a region's variants, in the units of the data.

# Of variants as given: `mean`, `sd`, `lfsr` (p x r), `intercept` and `covariates`.
region_effects_of <- function(found, region) {
  scale <- found$scale %||% region$scale
  names <- list(region$variants %||% as.character(seq_len(region$p)), region$conditions)
  table <- \(x) `dimnames<-`(x / scale, names)
  sd <- found$posterior$sd
  lfsr <- found$posterior$lfsr
  # A variant that does not vary says nothing.
  sd[is.nan(sd)] <- NA
  lfsr[is.nan(lfsr)] <- 1
  out <- list(
    effect = table(found$mean), sd = table(sd), lfsr = `dimnames<-`(lfsr, names)
  )
  if (region$form != "individual") return(out)
  basis <- region$space$basis
  explained <- basis %*% (found$level - crossprod(region$along, out$effect))
  level <- level_coefficients(region$space, explained, region$conditions)
  out$intercept <- level[[1L]]
  out["covariates"] <- level[2L]
  out
}
