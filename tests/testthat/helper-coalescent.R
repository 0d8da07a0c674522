# Genotypes with the linkage of people, simulated by the coalescent: 30 regions of 250 kb, 800
# people. `data-raw/coalescent.py` made the file, and says how. Benches read this file too
# (`source("tests/testthat/helper-coalescent.R")`, from the package's root).

coalescent_path <- function() {
  file <- file.path("fixtures", "coalescent.xz")
  if (file.exists(file)) file else file.path("tests", "testthat", file)
}

# A list of regions, each n x p integers (copies of the derived allele: 0, 1, 2), named by person
# and `chr<region>:<position>:A:G`. `people`: the first so many. `shuffled`: haplotypes are paired
# anew, by R's random numbers: other people of the same population, as mating is at random in it.
coalescent_genotypes <- function(regions = 1:30, people = 800, shuffled = FALSE) {
  stopifnot(regions %in% 1:30, people <= 800)
  file <- xzfile(coalescent_path(), "rb")
  on.exit(close(file))
  read <- lapply(seq_len(max(regions)), function(g) {
    p <- readBin(file, "integer", 1L, size = 4L, endian = "little")
    position <- readBin(file, "integer", p, size = 4L, endian = "little")
    bytes <- readBin(file, "raw", 200L * p)
    if (!g %in% regions) return(NULL)
    bits <- matrix(as.integer(rawToBits(bytes)), 8L)
    alleles <- matrix(bits[8:1, ], 1600L)
    if (shuffled) alleles <- alleles[sample.int(1600L), ]
    X <- alleles[seq(1L, 1599L, 2L), ] + alleles[seq(2L, 1600L, 2L), ]
    dimnames(X) <- list(sprintf("person%03d", 1:800), paste0("chr", g, ":", position, ":A:G"))
    X <- X[seq_len(people), , drop = FALSE]
    X[, apply(X, 2, \(x) min(x) < max(x)), drop = FALSE]
  })
  stats::setNames(read[regions], paste0("chr", regions))
}
