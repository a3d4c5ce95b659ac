"""What one photo costs: `python -m bench.pipeline [--json] [--check] [--rounds N] [--repeats N]`.

Three ways to the same six variants, blurhash and colour, on the same 12-megapixel photos:

- ours     the pipeline's sandbox: a child process, header checks, limits (`apps.media.sandbox`)
- pillow   the shortest sequence of Pillow calls we know of, without any defence
- vips     libvips (pyvips), for the record: variants only, without blurhash and colour

The ways take turns within every round, each in a fresh process that does the photo `--repeats` times. CPU is user and
system time of all processes of a way, its start included, divided by the repeats, and the median of the rounds; peak
is the largest resident memory that the process which holds the pixels ever had. `--check` exits with 1 if a JPEG costs
more than 1.3 times Pillow's CPU or more than 250 MB.

Two more questions have options of their own: `--largest` (what do pictures of 64 megapixels cost the sandbox, type by
type?) and `--webp` (what do the encoder's methods give for their time, at the size of the largest variant?).
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pyvips
from PIL import ExifTags, Image, ImageCms, ImageOps

from apps.media import blurhash, imaging, renditions
from apps.media.sandbox import RenderPool
from demo import photographs

MAX_RATIO, MAX_PEAK = 1.3, 250_000_000
LYING = 6  # EXIF: the camera was held upright
SRGB = ImageCms.createProfile("sRGB")


# ── The photos ────────────────────────────────────────────────────────────────────────────────────────────────────


def make_photos(folder: Path) -> list[tuple[Path, str]]:
    """12-megapixel photos with EXIF, GPS and an orientation, as a phone writes them: file and content type."""
    photos = []
    for scene in ("mountains", "facade", "forest"):
        path = folder / f"{scene}.jpg"
        image, exif = _scene(scene)
        image.save(path, "JPEG", quality=92, subsampling="4:2:0", exif=exif)
        photos.append((path, "image/jpeg"))
    image, exif = _scene("lake")
    pillow_heif.register_heif_opener()
    image.save(folder / "lake.heic", "HEIF", quality=70, exif=exif, tile_size=512)
    image.save(folder / "lake.png", "PNG", compress_level=3, exif=exif)
    return [*photos, (folder / "lake.heic", "image/heic"), (folder / "lake.png", "image/png")]


def _scene(name: str) -> tuple[Image.Image, bytes]:
    shot = photographs.take(name, 1, shape=(4, 3), longest=4032)
    file = Path(tempfile.mkstemp(suffix=".jpg")[1])
    file.write_bytes(shot.jpeg)
    with Image.open(file) as image:
        exif = image.getexif()
        exif[ExifTags.Base.Orientation] = LYING
        ImageOps.exif_transpose(image, in_place=True)
        pixels = image.convert("RGB")
    file.unlink()
    return pixels.rotate(90, expand=True), exif.tobytes()


# ── The three ways ────────────────────────────────────────────────────────────────────────────────────────────────


def ours(source: Path, content_type: str, into: Path, repeats: int) -> int:
    pool = RenderPool()
    for _ in range(repeats):
        pool.render(source, declared_type=content_type, into=into, square=False, limits=imaging.Limits(wall_seconds=60))
    peak = _peak(pool.pid)
    pool.close()
    return peak


def pillow(source: Path, content_type: str, into: Path, repeats: int) -> int:
    pillow_heif.register_heif_opener()
    for _ in range(repeats):
        _pillow_only(source, into)
    return _peak(None)


def _pillow_only(source: Path, into: Path) -> tuple[str, str]:
    sizes = imaging.WHOLE.sides
    with Image.open(source) as image:
        profile = image.info.get("icc_profile")
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        scale = max(sizes.values()) / max(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        image.draft("RGB", (round(image.width * scale * 1.5), round(image.height * scale * 1.5)))
        picture = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=1.5)
    if profile:
        source_profile = ImageCms.getOpenProfile(io.BytesIO(profile))
        picture = ImageCms.profileToProfile(picture, source_profile, SRGB, outputMode="RGB") or picture
    if orientation in imaging.TURNS:
        picture = picture.transpose(imaging.TURNS[orientation])
    picture.info.clear()
    for name, side in sizes.items():
        if max(picture.size) > side:
            ratio = side / max(picture.size)
            size = (round(picture.width * ratio), round(picture.height * ratio))
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        for encoder, suffix, options in renditions.ENCODINGS.values():
            picture.save(into / f"{name}.{suffix}", encoder, **options)
    picture.thumbnail((32, 32))
    colour = imaging._dominant_color(picture)
    pixels = picture.tobytes()
    return blurhash.encode(pixels, width=picture.width, height=picture.height, columns=4, rows=3), colour


def vips(source: Path, content_type: str, into: Path, repeats: int) -> int:
    for _ in range(repeats):
        sides = imaging.WHOLE.sides
        picture = pyvips.Image.thumbnail(str(source), sides["large"], size="down", output_profile="srgb")
        for name, side in sides.items():
            picture = picture.thumbnail_image(side, size="down").copy_memory()
            picture.webpsave(str(into / f"{name}.webp"), Q=80, effort=2, keep="none")
            picture.jpegsave(str(into / f"{name}.jpg"), Q=82, interlace=True, optimize_coding=True, keep="none")
    return _peak(None)


WAYS: dict[str, Callable[[Path, str, Path, int], int]] = {"ours": ours, "pillow": pillow, "vips": vips}


# ── Measuring ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _peak(pid: int | None) -> int:
    """The most bytes that were resident in that process, or in this one."""
    lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def take_measure(way: str, source: Path, content_type: str, repeats: int) -> None:
    """In a process of its own: print what the way costs."""
    with tempfile.TemporaryDirectory() as folder:
        peak = WAYS[way](source, content_type, Path(folder), repeats)
        written = sum(path.stat().st_size for path in Path(folder).iterdir())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used) / repeats
    print(json.dumps({"cpu": cpu, "peak": peak, "written": written}))


def measured(way: str, source: Path, content_type: str, repeats: int) -> dict[str, float] | None:
    """CPU seconds, peak bytes and bytes written, or None where the way cannot read the type."""
    command = [sys.executable, "-m", "bench.pipeline", "--way", way, str(source), content_type, str(repeats)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    sample: dict[str, float] = json.loads(done.stdout)
    return sample | {"wall": (time.monotonic() - started) / repeats}


def compare(rounds: int, repeats: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder))
        samples: dict[tuple[str, str], list[dict[str, float]]] = {}
        for _ in range(rounds):
            for path, content_type in photos:
                for way in WAYS:
                    sample = measured(way, path, content_type, repeats)
                    samples.setdefault((path.name, way), []).extend([sample] if sample else [])
        return [
            {"photo": path.name, "file_bytes": path.stat().st_size}
            | {way: _summary(samples[path.name, way]) for way in WAYS}
            for path, _ in photos
        ]


def _summary(samples: list[dict[str, float]]) -> dict[str, float] | None:
    if not samples:
        return None
    middle = {name: statistics.median(sample[name] for sample in samples) for name in ("cpu", "wall", "written")}
    return middle | {"peak": max(sample["peak"] for sample in samples)}


# ── The largest pictures, and the choice of an encoding ───────────────────────────────────────────────────────────

Saving = tuple[str, str, str, dict[str, Any]]
LARGEST: list[Saving] = [
    ("JPEG", "image/jpeg", "RGB", {"quality": 90}),
    ("JPEG, progressive 4:4:4", "image/jpeg", "RGB", {"quality": 90, "progressive": True, "subsampling": 0}),
    ("JPEG, progressive CMYK", "image/jpeg", "CMYK", {"quality": 90, "progressive": True}),
    ("PNG", "image/png", "RGB", {"compress_level": 1}),
    ("PNG, transparent", "image/png", "RGBA", {"compress_level": 1}),
    ("WebP", "image/webp", "RGB", {"method": 0}),
    ("WebP, transparent", "image/webp", "RGBA", {"method": 0}),
    ("HEIC", "image/heic", "RGB", {"quality": 50}),
    ("AVIF", "image/avif", "RGB", {"speed": 10}),
    ("AVIF, transparent 4:4:4", "image/avif", "RGBA", {"speed": 10, "subsampling": "4:4:4"}),
]


def largest() -> None:
    """CPU and peak memory of the sandbox for 8000 × 8000 pixels of every kind."""
    pillow_heif.register_heif_opener()
    scene, _ = _scene("forest")
    whole = scene.resize((8000, 8000), Image.Resampling.BICUBIC)
    whole.putalpha(200)
    print(f"{'64 megapixels':25} {'CPU s':>7} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        for name, content_type, mode, options in LARGEST:
            image = whole if mode == "RGBA" else whole.convert("RGB").convert(mode)
            image.save(source, content_type.removeprefix("image/").replace("heic", "heif"), **options)
            print(f"{name:25} {_cost_of_one(source, content_type)}")


def _cost_of_one(source: Path, content_type: str) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pool = RenderPool()
    limits = imaging.Limits(max_bytes=10**9, wall_seconds=60)
    pool.render(source, declared_type=content_type, into=source.parent, square=False, limits=limits)
    peak = _peak(pool.pid)
    pool.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{cpu:7.2f} {peak / 1e6:8.0f}"


def webp_methods() -> None:
    """Time, size and fidelity of WebP at quality 80 by method, mean over three scenes."""
    print(f"{'method':>6} {'CPU s':>7} {'kB':>6} {'PSNR dB':>8}")
    scenes = [_scene(name)[0].resize((1536, 2048), Image.Resampling.LANCZOS) for name in ("forest", "facade", "aurora")]
    for method in range(6):
        figures = [_encoded(image, method) for image in scenes]
        cpu, size, fidelity = (statistics.mean(each) for each in zip(*figures, strict=True))
        print(f"{method:6} {cpu:7.3f} {size / 1e3:6.0f} {fidelity:8.2f}")


def _encoded(image: Image.Image, method: int) -> tuple[float, int, float]:
    started, file = time.process_time(), io.BytesIO()
    image.save(file, "WEBP", quality=80, method=method)
    spent = time.process_time() - started
    with Image.open(file) as decoded:
        error = np.asarray(decoded.convert("RGB"), np.float64) - np.asarray(image, np.float64)
    return spent, file.tell(), float(10 * np.log10(255**2 / np.mean(error**2)))


def _table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'photo':15} {'way':7} {'CPU s':>7} {'/ Pillow':>9} {'peak MB':>8} {'wall s':>7} {'variants kB':>12}"]
    for result in results:
        for way in WAYS:
            cost = result[way]
            if cost is None:
                lines.append(f"{result['photo']:15} {way:7} cannot read it")
                continue
            ratio = cost["cpu"] / result["pillow"]["cpu"]
            lines.append(
                f"{result['photo']:15} {way:7} {cost['cpu']:7.3f} {ratio:9.2f} {cost['peak'] / 1e6:8.0f}"
                f" {cost['wall']:7.3f} {cost['written'] / 1e3:12.0f}"
            )
    return "\n".join(lines)


def _within_bounds(results: list[dict[str, Any]]) -> bool:
    jpegs = [result for result in results if result["photo"].endswith(".jpg")]
    return all(
        jpeg["ours"]["cpu"] <= MAX_RATIO * jpeg["pillow"]["cpu"] and jpeg["ours"]["peak"] <= MAX_PEAK for jpeg in jpegs
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is broken")
    parser.add_argument("--largest", action="store_true", help="measure pictures of 64 megapixels instead")
    parser.add_argument("--webp", action="store_true", help="compare the WebP encoder's methods instead")
    parser.add_argument("--way", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        way, source, content_type, repeats = options.way
        take_measure(way, Path(source), content_type, int(repeats))
        return 0
    if options.largest or options.webp:
        largest() if options.largest else webp_methods()
        return 0
    results = compare(options.rounds, options.repeats)
    print(json.dumps(results, indent=1) if options.json else _table(results))
    return int(options.check and not _within_bounds(results))


if __name__ == "__main__":
    sys.exit(main())
