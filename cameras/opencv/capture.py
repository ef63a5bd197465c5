"""Captures frames with cv2.VideoCapture and prints them as JPEGs, one after another.

Arguments: source, width, height, fps, quality, rotation, mirrored. 0 means the source's default.
Exits with status 1 if the source cannot be opened, 2 if it delivers no more frames, 3 without OpenCV.
"""
import os
import signal
import sys
import time

signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")


def fail(status, text):
    print(text, file=sys.stderr, flush=True)
    os._exit(status)


try:
    import cv2
except ImportError as error:
    fail(3, f"cv2 missing: {error}")

cv2.setNumThreads(1)
source = sys.argv[1]
width, height, fps, quality, rotation, mirrored = (float(argument) for argument in sys.argv[2:8])
rotation_code = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}.get(int(rotation))

is_device = source.isdigit() or source.startswith("/dev/")
camera = cv2.VideoCapture(int(source) if source.isdigit() else source)
if not camera.isOpened():
    fail(1, f"could not open camera {source if is_device else ''}".strip())
if is_device:
    # The format comes before the size: set later, MJPG may not be available in that size.
    camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, width),
        (cv2.CAP_PROP_FRAME_HEIGHT, height),
        (cv2.CAP_PROP_FPS, fps),
    ):
        if value:
            camera.set(setting, value)

# A file is played at its own frame rate, in a loop; read() alone would be as fast as possible.
is_file = os.path.isfile(source)
pause = 1 / (fps or camera.get(cv2.CAP_PROP_FPS) or 25) if is_file else 0
due = time.monotonic()
rewound = False
while True:
    ok, frame = camera.read()
    if not ok:
        if not is_file or rewound:
            fail(2, "could not read a frame")
        rewound = True
        camera.set(cv2.CAP_PROP_POS_FRAMES, 0)
        continue
    rewound = False
    if not is_device and width and height:
        frame = cv2.resize(frame, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    if rotation_code is not None:
        frame = cv2.rotate(frame, rotation_code)
    if mirrored:
        frame = cv2.flip(frame, 1)
    jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1].tobytes()
    while jpeg:
        jpeg = jpeg[os.write(1, jpeg) :]
    due = max(due + pause, time.monotonic() - 1)
    time.sleep(max(0, due - time.monotonic()))
