// The method of four Russians in registers: a table holds, for the 64 codes of six weights, half of how many
// of six inputs match (sextets.h), of EIGHT pixels: one bit of each count per plane of 64 bytes. vpermb looks
// the codes of 64 outputs up. Full adders (two vpternlogq) add the planes, 512 counts at a time.
#include "kernels/threshold_conv2d/tables_avx512.h"

namespace binmorph::kernels {
namespace {

// The output pixels of a byte.
template <class T>
struct Pixels {
  int count;
  int bit[kStrips];
  std::size_t first[kStrips];  // of its class: number of lane 0 in the tables of all classes
  T* to[kStrips];              // of lane 0
};

struct Finish {
  const ConvProgram& p;
  std::size_t lane;
  std::size_t planes;  // of a count
  std::size_t copies;
  bool halved() const { return copies == 2 && p.shift == 0; }  // two copies count double
  int shift() const { return copies == 1 && p.shift != 0; }
  template <class Sum>
  const Sum* constants() const {
    if constexpr (sizeof(Sum) == 2)
      return p.constant16;
    else
      return p.constant;
  }
};

inline void put(const Finish& f, const Pixels<std::uint8_t>& pixels, const std::uint8_t* sum) {
  const ConvProgram& p = f.p;
  std::uint64_t invert;
  std::memcpy(&invert, p.invert + f.lane / 8, sizeof invert);
  __m512i fires = _mm512_setzero_si512();
  for (int i = 0; i < pixels.count; ++i) {
    if (i == 0 || pixels.first[i] != pixels.first[i - 1]) {
      const std::uint64_t* threshold =
          p.threshold_planes + (pixels.first[i] + f.lane) / kSextetLanes * kCountPlanes;
      fires = bytes(-1);  // the carry of sum + NOT threshold + 1
      for (std::size_t plane = 0; plane < f.planes; ++plane)
        fires = _mm512_ternarylogic_epi64(fires, _mm512_movm_epi8(threshold[plane]), load(sum + 64 * plane),
                                          0xb2);
    }
    const std::uint64_t bits = invert ^ _mm512_test_epi8_mask(fires, bytes(1 << pixels.bit[i]));
    std::memcpy(pixels.to[i] + f.lane / 8, &bits, sizeof bits);
  }
}

// 16 sums.
inline __m512i sums_of(const Finish& f, __m256i count, const std::int32_t* constant) {
  const __m512i wide = _mm512_maskz_cvtepu16_epi32(0xffff, count);
  return _mm512_add_epi32(_mm512_maskz_sll_epi32(0xffff, wide, _mm_cvtsi32_si128(f.shift())), load(constant));
}

inline __m256i sums_of(const Finish& f, __m256i count, const std::int16_t* constant) {
  const __m256i more = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(constant));
  return _mm256_add_epi16(_mm256_sll_epi16(count, _mm_cvtsi32_si128(f.shift())), more);
}

template <class Sum>
void put(const Finish& f, const Pixels<Sum>& pixels, const std::uint8_t* sum) {
  const std::size_t halved = f.halved();
  __m512i counts[2][kStrips];  // low and high bytes
  for (std::size_t i = 0; i < 2 * kStrips; ++i)
    counts[i / 8][i % 8] = i + halved < f.planes ? load(sum + 64 * (i + halved)) : _mm512_setzero_si512();
  transpose_planes(counts[0]);
  transpose_planes(counts[1]);
  for (int n = 0; n < pixels.count; ++n)
    for (std::size_t i = 0; i < kSextetLanes; i += 16) {
      __m128i part[2];
      for (int byte = 0; byte < 2; ++byte)
        std::memcpy(&part[byte], reinterpret_cast<const std::uint8_t*>(&counts[byte][pixels.bit[n]]) + i,
                    sizeof part[byte]);
      const __m256i count =
          _mm256_or_si256(_mm256_cvtepu8_epi16(part[0]), _mm256_slli_epi16(_mm256_cvtepu8_epi16(part[1]), 8));
      const Sum* constant = f.constants<Sum>() + pixels.first[n] + f.lane + i;
      const auto sums = sums_of(f, count, constant);
      std::memcpy(pixels.to[n] + f.lane + i, &sums, sizeof sums);
    }
}

struct Job {
  const ConvProgram& p;
  const ConvRange& range;
  const Sextets& n;
  Strips strips;
  std::uint64_t* words;  // of a row of tables: [table_columns][words][kInputs]
  std::uint8_t* ring;    // tables: [ring][words][table_columns]
  std::uint8_t* sums;    // of a row of bytes, from pass to pass: [columns][vectors][planes]
  std::size_t* offsets;  // of the tables of each unit, in the ring, for column 0
  std::size_t planes;

  std::size_t ring_offset(std::size_t row, std::size_t word) const {
    return (row % strips.ring * n.words + word) * strips.table_columns * kUnitTables;
  }
};

inline void find_offsets(const Job& job, std::size_t row) {
  const ConvShape& s = job.p.shape;
  for (std::size_t word = 0; word < job.n.words; ++word)
    for (std::size_t copy = 0; copy < job.n.copies; ++copy)
      for (std::size_t tap = 0; tap < job.n.taps; ++tap)
        job.offsets[job.n.unit(word, copy, tap)] =
            job.ring_offset(row * s.stride_h + tap / s.kernel_w * s.dilation_h, word) +
            tap % s.kernel_w * s.dilation_w * kUnitTables;
}

inline void make_table_row(const Job& job, const Extended<std::uint64_t>& e, std::size_t g, std::size_t row) {
  const ConvShape& s = job.p.shape;
  const Strips& strips = job.strips;
  const std::size_t rows = (job.range.row_end - job.range.row_begin - 1) * s.stride_h + s.window_h();
  const std::uint64_t* image = e.pixel(s, g, job.range.row_begin, 0);
  for (std::size_t bit = 0; bit < kStrips; ++bit) {
    const std::size_t y = std::min(rows - 1, bit / strips.across * strips.rows * s.stride_h + row);
    const std::size_t first = bit % strips.across * strips.columns * s.stride_w;
    if (first >= s.extended_width()) continue;  // no output pixel there: any bits will do
    const std::size_t inside = std::min(strips.table_columns, s.extended_width() - first) * e.units;
    const std::uint64_t* from = image + y * e.row_pitch + first * e.units;
    for (std::size_t i = 0; i < inside; ++i) job.words[i * kInputs + bit] = from[i];
  }
  const auto for_each = [&](auto make) {
    for (std::size_t column = 0; column < strips.table_columns; ++column) {
      if (column % s.stride_w >= s.window_w()) continue;  // no window reads it
      for (std::size_t word = 0; word < e.units; ++word)
        make(job.words + (column * e.units + word) * kInputs,
             job.ring + job.ring_offset(row, word) + column * kUnitTables);
    }
  };
  for_each(make_maps);
  for_each(make_tables);
}

template <class T>
inline Pixels<T> find_pixels(const Job& job, std::size_t row, std::size_t column, const Lanes<T>& lanes) {
  const ConvProgram& p = job.p;
  Pixels<T> pixels;
  int count = 0, bit = 0;
  for (std::size_t y = job.range.row_begin + row, down = 0; down < job.strips.down;
       ++down, y += job.strips.rows) {
    T* first = y < job.range.row_end ? lanes.at(y, 0, 0) : nullptr;
    for (std::size_t x = column, across = 0; across < job.strips.across;
         ++across, ++bit, x += job.strips.columns) {
      if (first == nullptr || x >= p.shape.out_width()) continue;
      pixels.bit[count] = bit;
      pixels.first[count] = (p.row_class[y] + p.column_class[x]) * p.lanes();
      pixels.to[count++] = first + x * lanes.pitch;
    }
  }
  pixels.count = count;
  return pixels;
}

// Lanes [begin, end) of a row of bytes: all passes.
template <class T>
inline void count_row(const Job& job, std::size_t row, std::size_t begin, std::size_t end,
                      const Lanes<T>& lanes) {
  alignas(64) static constexpr std::uint8_t kZeros[kCountPlanes * 64] = {};
  const ConvProgram& p = job.p;
  const std::size_t vectors = (end - begin) / kSextetLanes, total = job.n.units();
  const auto* weights =
      static_cast<const std::uint8_t*>(p.weights) + begin / kSextetLanes * total * kUnitCodes;
  const std::size_t column_bytes = p.shape.stride_w * kUnitTables;
  const auto sum = [&](std::size_t column, std::size_t v) {
    return job.sums + (column * vectors + v) * job.planes * 64;
  };
  for (std::size_t first = 0; first < total; first += kPassUnits)
    for (std::size_t v = 0; v < vectors; ++v)
      for (std::size_t column = 0; column < job.strips.columns; ++column)
        count_pass(weights + (v * total + first) * kUnitCodes, job.ring + column * column_bytes,
                   job.offsets + first, std::min(kPassUnits, total - first),
                   first > 0 ? sum(column, v) : kZeros, sum(column, v), job.planes);
  for (std::size_t column = 0; column < job.strips.columns; ++column) {
    const Pixels<T> pixels = find_pixels(job, row, column, lanes);
    for (std::size_t v = 0; v < vectors; ++v)
      put(Finish{p, begin + v * kSextetLanes, job.planes, job.n.copies}, pixels, sum(column, v));
  }
}

template <class T, class Y>
inline void run(const ConvProgram& p, const std::uint64_t* x, Y* y, std::size_t y_pitch,
                const ConvRange& range, std::uint64_t* scratch) {
  if (range.row_begin == range.row_end) return;
  const ConvShape& s = p.shape;
  const Sextets n(s, p.form);
  const SextetScratch sizes(s, n);
  const Extended<std::uint64_t> e = extend(s, x, range.row_begin, range.row_end, scratch);
  scratch += extended_words<std::uint64_t>(s);
  const Lanes<T> lanes = place_lanes(p, range, y, y_pitch, scratch + sizes.total());
  scratch += (64 - reinterpret_cast<std::uintptr_t>(scratch) % 64) % 64 / 8;
  std::uint64_t* ring = scratch + sizes.words_of_row;
  std::uint64_t* sums = ring + sizes.ring;
  std::size_t planes = kLevels;
  while ((n.copies * s.inputs() + 1) >> planes != 0) ++planes;
  const Job job{p,
                range,
                n,
                strips_of(s, n, range.row_end - range.row_begin),
                scratch,
                reinterpret_cast<std::uint8_t*>(ring),
                reinterpret_cast<std::uint8_t*>(sums),
                reinterpret_cast<std::size_t*>(sums + sizes.sums),
                planes};
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    std::size_t made = 0;
    for (std::size_t row = 0; row < job.strips.rows; ++row) {
      for (made = std::max(made, row * s.stride_h); made < row * s.stride_h + s.window_h(); ++made)
        make_table_row(job, e, g, made);
      find_offsets(job, row);
      count_row(job, row, g * p.group_lanes + begin, g * p.group_lanes + end, lanes);
    }
  });
  finish_lanes(p, range, lanes, y, y_pitch);
}

}  // namespace

BINMORPH_CONV2D_KERNELS(x86_avx512_permb)

}  // namespace binmorph::kernels
