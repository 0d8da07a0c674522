# What names of variants say of them: chr1:1234:A:G, 1_1234_A_G, and the like.

# Chromosome (without "chr") and position by names, `NA` where they do not say.
variant_places <- function(names) {
  pattern <- "(?:^|[^A-Za-z0-9])(?:chr)?([0-9]{1,2}|[XYM]|MT)[:_]([0-9]+)"
  place <- regmatches(names, regexec(pattern, names, perl = TRUE))
  known <- lengths(place) == 3L
  chromosome <- rep(NA_character_, length(names))
  position <- rep(NA_real_, length(names))
  chromosome[known] <- vapply(place[known], `[`, "", 2L)
  position[known] <- as.numeric(vapply(place[known], `[`, "", 3L))
  list(chromosome = chromosome, position = position)
}
