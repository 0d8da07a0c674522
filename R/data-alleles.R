# Alleles of the same variant in two sources.

# On the other strand: complements, in reverse; `NA` for what is no sequence.
other_strand <- function(allele) {
  each <- unique(allele)
  other <- chartr("ACGT", "TGCA", each)
  other[!grepl("^[ACGT]+$", each)] <- NA
  long <- which(nchar(other) > 1L)
  other[long] <- vapply(strsplit(other[long], "", fixed = TRUE), \(x) {
    paste(rev(x), collapse = "")
  }, "")
  other[match(allele, each)]
}

# How pairs of alleles compare with those of the reference, as two signs: as they are written, and
# with the strand changed. 1: the same, -1: exchanged, NA: others. The second allele may be unknown.
allele_signs <- function(own, reference) {
  own <- lapply(own, toupper)
  reference <- lapply(reference, toupper)
  unknown <- list(is.na(own[[2L]]), is.na(reference[[2L]]))
  sign_of <- function(a, b) {
    agree <- \(x, y, known) !is.na(x) & !is.na(y) & x == y | known
    first <- agree(a, reference[[1L]], FALSE)
    same <- first & agree(b, reference[[2L]], unknown[[1L]] | unknown[[2L]])
    exchanged <- agree(a, reference[[2L]], unknown[[2L]] & !first) &
      agree(b, reference[[1L]], unknown[[1L]]) & !(unknown[[1L]] & unknown[[2L]])
    ifelse(same, 1, ifelse(exchanged, -1, NA))
  }
  other <- lapply(own, other_strand)
  # What is no sequence has no other strand.
  turned <- sign_of(other[[1L]], other[[2L]])
  turned[is.na(other[[1L]]) | is.na(other[[2L]]) & !unknown[[1L]]] <- NA
  list(written = sign_of(own[[1L]], own[[2L]]), turned = turned)
}

# The strand of most variants of which it can be told: 1 as written, -1 turned, NA where they are
# few or disagree.
common_strand <- function(signs, share = 0.99, least = 10L) {
  written <- !is.na(signs$written)
  turned <- !is.na(signs$turned)
  forward <- sum(written & !turned)
  backward <- sum(turned & !written)
  if (forward + backward < least) return(NA)
  if (forward >= share * (forward + backward)) return(1)
  if (backward >= share * (forward + backward)) return(-1)
  NA
}

# The strand of ambiguous variants by the frequencies of what is written as the same allele: 1 as
# written, -1 turned, `NA` where these do not tell: minor alleles beyond `limit`, or unknown.
sign_by_frequency <- function(own, reference, limit) {
  clear <- is.finite(own) & is.finite(reference) & pmin(own, 1 - own) <= limit &
    pmin(reference, 1 - reference) <= limit
  together <- (own > 0.5) == (reference > 0.5)
  ifelse(clear, ifelse(together, 1, -1), NA)
}
