# Makes data/gtex_z.rda and data/blood_z.rda.   Rscript data-raw/datasets.R FOLDER
#
# FOLDER holds three matrices of z-scores, saved with saveRDS() and otherwise as their origin has
# them (`name = file`):
#   gtex_z.rds     data set `gtex` of the R package flashier (BSD-3 licence): a random 1000 of the
#                  16069 top eQTL of Urbut et al. 2019 (repository gtexresults), GTEx v6, 44 tissues
#   blood_z_a.rds  locus chr7:47187274-47687274 (GRCh37) of the blood-cell trait summary statistics
#                  in repository mvarbvs, output/blood_cell_traits/summary_stats (MIT licence)
#   blood_z_b.rds  the same for locus chr8:118878055-119378055
# Nothing is changed but that the two loci go into one list.
folder <- commandArgs(trailingOnly = TRUE)[1L]
read <- function(name) readRDS(file.path(folder, name))

gtex_z <- read("gtex_z.rds")
blood_z <- list(chr7 = read("blood_z_a.rds"), chr8 = read("blood_z_b.rds"))

stopifnot(
  identical(dim(gtex_z), c(1000L, 44L)), identical(dim(blood_z$chr7), c(2576L, 16L)),
  identical(dim(blood_z$chr8), c(2195L, 16L)), !anyNA(gtex_z), !anyNA(unlist(blood_z)),
  identical(colnames(blood_z$chr7), colnames(blood_z$chr8))
)
save(gtex_z, file = "data/gtex_z.rda", compress = "xz", compression_level = 9, version = 3)
save(blood_z, file = "data/blood_z.rda", compress = "xz", compression_level = 9, version = 3)
