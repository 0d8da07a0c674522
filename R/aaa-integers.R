# Integers of 64 bits (class "integer64"), as fread() makes them of large ones.

# Their bits stand where those of doubles do; the package that reads them need not be there. By
# halves of 32 bits, and by digits.
integer64_text <- function(x) {
  words <- matrix(readBin(writeBin(as.double(unclass(x)), raw(), endian = "little"), "integer",
                          2L * length(x), endian = "little"), 2L)
  # The bits of the number without a sign; R has no integer of the first bit alone.
  words <- ifelse(is.na(words), 2^31, ifelse(words < 0, words + 2^32, words))
  negative <- words[2L, ] >= 2^31
  low <- ifelse(negative & words[1L, ] > 0, 2^32 - words[1L, ], words[1L, ])
  high <- ifelse(negative, 2^32 - words[2L, ] - (words[1L, ] > 0), words[2L, ])
  # high 2^32 + low, 2^32 being 4294 10^6 + 967296.
  rest <- high * 967296 + low
  millions <- high * 4294 + floor(rest / 1e6)
  text <- ifelse(
    millions > 0, sprintf("%.0f%06.0f", millions, rest %% 1e6), sprintf("%.0f", rest %% 1e6)
  )
  text <- paste0(ifelse(negative, "-", ""), text)
  text[negative & words[1L, ] == 0 & words[2L, ] == 2^31] <- NA
  text
}

# As doubles; what is none stays as it is.
plain_integers <- function(x) {
  large <- \(x) inherits(x, "integer64")
  if (is.data.frame(x)) {
    at <- which(vapply(x, large, NA))
    x[at] <- lapply(x[at], \(x) as.double(integer64_text(x)))
    return(x)
  }
  if (!large(x)) return(x)
  found <- as.double(integer64_text(x))
  dim(found) <- dim(x)
  if (is.null(dim(x))) names(found) <- names(x) else dimnames(found) <- dimnames(x)
  found
}
