"""Makes tests/testthat/fixtures/coalescent.xz: genotypes whose linkage is that of people.

    pip install numpy msprime        (1.4.4 made the file that is there)
    python data-raw/coalescent.py tests/testthat/fixtures/coalescent.xz

30 unlinked regions of 250 kb, in 800 people of one population, simulated by the coalescent. The
population has the bottlenecks and the late growth that are estimated for Europeans (Tennessen et
al. 2012); 1 cM/Mb of recombination, four fifths of it in hotspots of 2 kb, one for each 60 kb;
1.44e-8 mutations per base and generation. Variants whose minor allele has a frequency of at most
.03 are left out. Nothing is from a person.

The file, after decompression, region after region: number of variants (a little-endian 32-bit
integer), their positions (as many such integers), and the alleles of the 1,600 haplotypes, 200
bytes a variant, the first haplotype in the highest bit. Haplotypes 1 and 2 are the first person.
"""

import lzma
import sys

import msprime
import numpy as np

REGIONS, PEOPLE, LENGTH, LEAST_FREQUENCY = 30, 800, 250_000, 0.03


def population():
    """Sizes over time, in generations."""
    past = msprime.Demography()
    past.add_population(name="A", initial_size=34_000, growth_rate=0.0038)
    for time, size in [(920, 1_032), (2_040, 14_474), (5_920, 7_310)]:
        past.add_population_parameters_change(
            time=time, initial_size=size, growth_rate=0, population="A"
        )
    return past


def recombination(rng):
    """Rates along the region: hotspots of gamma-distributed strength on a low base."""
    hotspots = LENGTH // 60_000
    centres = np.sort(rng.uniform(5e3, LENGTH - 5e3, hotspots)).astype(int)
    strength = rng.gamma(1.0, 1.0, hotspots)
    strength /= strength.sum()
    ends, rates, base = [0], [], 0.2e-8
    for centre, share in zip(centres, strength):
        start = max(ends[-1] + 1, centre - 1_000)
        if start < centre + 1_000:
            rates += [base, base + 0.8e-8 * LENGTH * share / 2_000]
            ends += [start, centre + 1_000]
    return msprime.RateMap(position=ends + [LENGTH], rate=rates + [base])


def region(seed):
    """Positions of the common variants, and their alleles: variants x haplotypes."""
    trees = msprime.sim_ancestry(
        samples=PEOPLE, demography=population(), random_seed=seed,
        recombination_rate=recombination(np.random.default_rng(seed)),
    )
    trees = msprime.sim_mutations(
        trees, rate=1.44e-8, random_seed=seed, model=msprime.BinaryMutationModel()
    )
    alleles = (trees.genotype_matrix() > 0).astype(np.uint8)
    frequency = alleles.mean(axis=1)
    common = np.minimum(frequency, 1 - frequency) > LEAST_FREQUENCY
    return trees.tables.sites.position[common].astype("<i4"), alleles[common]


with lzma.open(sys.argv[1], "wb", preset=9 | lzma.PRESET_EXTREME) as out:
    for seed in range(1, REGIONS + 1):
        positions, alleles = region(seed)
        out.write(np.array(len(positions), "<i4").tobytes())
        out.write(positions.tobytes())
        out.write(np.packbits(alleles, axis=1).tobytes())
