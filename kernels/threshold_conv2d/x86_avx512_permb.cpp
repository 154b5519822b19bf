// The method of four Russians in registers: a table holds, for the 64 codes of six weights, how many of six
// inputs match, of EIGHT pixels: one bit of each count per plane of 64 bytes. vpermb looks the codes of 64
// outputs up. Full adders (two vpternlogq) add the planes, 512 counts at a time.
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
  int shift() const { return static_cast<int>(p.shift); }
  template <class Sum>
  const Sum* constants() const {
    if constexpr (sizeof(Sum) == 2)
      return p.constant16;
    else
      return p.constant;
  }
};

inline void put(const Finish& f, const Pixels<std::uint8_t>& pixels, const __m512i* sum) {
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
        fires = _mm512_ternarylogic_epi64(sum[plane], _mm512_movm_epi8(threshold[plane]), fires, 0xb2);
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
void put(const Finish& f, const Pixels<Sum>& pixels, const __m512i* sum) {
  __m512i counts[2][kStrips];  // low and high bytes
  for (std::size_t i = 0; i < 2 * kStrips; ++i)
    counts[i / 8][i % 8] = i < f.planes ? sum[i] : _mm512_setzero_si512();
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
  std::uint64_t* words;  // of a row of tables: [table_columns][units][kStrips]
  std::uint8_t* ring;    // tables: [ring][copies][chunks][table_columns][steps of the chunk]
  std::uint8_t* sums;    // of a row of bytes, from pass to pass: [columns][vectors][planes]
  SextetRun* runs;
  std::size_t planes;

  std::size_t chunk_offset(std::size_t copy, std::size_t chunk) const {  // steps, in a row of the ring
    return (copy * n.tap_steps + n.first_step(chunk)) * strips.table_columns;
  }
  std::size_t ring_row(std::size_t row) const {  // steps
    return row % strips.ring * n.copies * n.tap_steps * strips.table_columns;
  }
};

// Runs in the order of the weights, with the tables of a row of bytes.
inline void find_runs(const Job& job, std::size_t row) {
  const ConvShape& s = job.p.shape;
  const Sextets& n = job.n;
  SextetRun* to = job.runs;
  for (std::size_t copy = 0; copy < n.copies; ++copy)
    for (std::size_t chunk = 0; chunk < n.chunks; ++chunk) {
      const std::size_t tap_steps = n.chunk_steps(chunk), steps = tap_steps * s.kernel_w / n.columns;
      std::size_t pass = 0;
      for (std::size_t r = 0; r < s.kernel_h * n.columns; ++r)
        for (std::size_t at = 0; at < steps; at += kPassSteps) {
          const std::size_t size = std::min(kPassSteps, steps - at);
          if (pass + size > kPassSteps) to[-1].last = true, pass = 0;
          const std::size_t first = job.ring_row(row * s.stride_h + r / n.columns * s.dilation_h) +
                                    job.chunk_offset(copy, chunk) + r % n.columns * s.dilation_w * tap_steps +
                                    at;
          *to++ = {first * kTable, static_cast<std::uint32_t>(size), false};
          pass += size;
        }
      to[-1].last = true;
    }
}

inline void make_table_row(const Job& job, const Extended<std::uint64_t>& e, std::size_t g, std::size_t row) {
  const ConvShape& s = job.p.shape;
  const Strips& strips = job.strips;
  const Sextets& n = job.n;
  const std::size_t rows = (job.range.row_end - job.range.row_begin - 1) * s.stride_h + s.window_h();
  const std::uint64_t* image = e.pixel(s, g, job.range.row_begin, 0);
  for (std::size_t bit = 0; bit < kStrips; ++bit) {
    const std::size_t y = std::min(rows - 1, bit / strips.across * strips.rows * s.stride_h + row);
    const std::size_t first = bit % strips.across * strips.columns * s.stride_w;
    if (first >= s.extended_width()) continue;  // no output pixel there: any bits will do
    const std::size_t inside = std::min(strips.table_columns, s.extended_width() - first) * e.units;
    const std::uint64_t* from = image + y * e.row_pitch + first * e.units;
    for (std::size_t i = 0; i < inside; ++i) job.words[i * kStrips + bit] = from[i];
  }
  std::uint8_t* to = job.ring + job.ring_row(row) * kTable;
  for (std::size_t column = 0; column < strips.table_columns; ++column) {
    if (column % s.stride_w >= s.window_w()) continue;  // no window reads it
    for (std::size_t u = 0; u < e.units; ++u) {
      const std::uint64_t* words = job.words + (column * e.units + u) * kStrips;
      const std::size_t chunk = u / n.chunk_words,
                        steps = sextet_steps(std::min<std::size_t>(64, n.channels - 64 * u));
      const std::size_t at = column * n.chunk_steps(chunk) + u % n.chunk_words * kStepsPerWord;
      std::uint8_t* first = to + (job.chunk_offset(0, chunk) + at) * kTable;
      if (job.p.form == ConvForm::sign) {
        make_tables<Match::bit_xor>(words, steps, first);
        continue;
      }
      make_tables<Match::bit_and>(words, steps, first);
      if (job.p.form == ConvForm::ternary)
        make_tables<Match::and_not>(words, steps, to + (job.chunk_offset(1, chunk) + at) * kTable);
    }
  }
}

template <class T>
inline void find_pixels(const Job& job, std::size_t row, std::size_t column, const Lanes<T>& lanes,
                        Pixels<T>& pixels) {
  const ConvProgram& p = job.p;
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
}

// Lanes [begin, end) of a row of bytes: all passes.
template <class T>
inline void count_row(const Job& job, std::size_t row, std::size_t begin, std::size_t end,
                      const Lanes<T>& lanes) {
  const ConvProgram& p = job.p;
  const Sextets& n = job.n;
  const std::size_t vectors = (end - begin) / kSextetLanes, total = n.steps();
  const auto* weights = static_cast<const std::uint8_t*>(p.weights) + begin * total;
  __m512i sum[kCountPlanes];
  const SextetRun* run = job.runs;
  Pixels<T> pixels;
  for (std::size_t first = 0, last; first < total; first = last, ++run) {
    const SextetRun* first_run = run;
    for (last = first + run->steps; !run->last; last += run->steps) ++run;
    const std::size_t chunk = first / n.taps % n.tap_steps / (n.chunk_words * kStepsPerWord);
    const std::size_t column_bytes = n.chunk_steps(chunk) * p.shape.stride_w * kTable;
    for (std::size_t column = 0; column < job.strips.columns; ++column) {
      find_pixels(job, row, column, lanes, pixels);
      for (std::size_t v = 0; v < vectors; ++v) {
        count_pass(weights + (v * total + first) * kSextetLanes, first_run, job.ring + column * column_bytes,
                   sum);
        std::uint8_t* former = job.sums + (column * vectors + v) * job.planes * 64;
        if (first > 0) add_planes(sum, former, job.planes);
        if (last < total) {
          for (std::size_t i = 0; i < job.planes; ++i)
            store(former + 64 * i, first > 0 || i < kLevels ? sum[i] : _mm512_setzero_si512());
          continue;
        }
        put(Finish{p, begin + v * kSextetLanes, job.planes}, pixels, sum);
      }
    }
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
  const Lanes<T> lanes = place_lanes(p, range, y, y_pitch, scratch + sizes.words());
  scratch += (64 - reinterpret_cast<std::uintptr_t>(scratch) % 64) % 64 / 8;
  std::uint64_t* ring = scratch + sizes.words_of_row;
  std::uint64_t* sums = ring + sizes.ring;
  std::size_t planes = 0;
  while ((s.inputs() + 1) >> planes != 0) ++planes;
  const Job job{p,
                range,
                n,
                strips_of(s, n, range.row_end - range.row_begin),
                scratch,
                reinterpret_cast<std::uint8_t*>(ring),
                reinterpret_cast<std::uint8_t*>(sums),
                reinterpret_cast<SextetRun*>(sums + sizes.sums),
                planes};
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    std::size_t made = 0;
    for (std::size_t row = 0; row < job.strips.rows; ++row) {
      for (made = std::max(made, row * s.stride_h); made < row * s.stride_h + s.window_h(); ++made)
        make_table_row(job, e, g, made);
      find_runs(job, row);
      count_row(job, row, g * p.group_lanes + begin, g * p.group_lanes + end, lanes);
    }
  });
  finish_lanes(p, range, lanes, y, y_pitch);
}

}  // namespace

BINMORPH_CONV2D_KERNELS(x86_avx512_permb)

}  // namespace binmorph::kernels
