"""A headless Chromium, and how a person uses it."""
import os
import shutil

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 600    # seconds, for what never comes: machines that test have much else to do

# Strokes of capitals as somebody writes them, in units of the letter's height, y downwards
LETTERS = {
    "A": [[(0, 1), (.12, .68), (.24, .36), (.36, .02), (.48, .33), (.6, .66), (.72, 1)], [(.12, .66), (.36, .64), (.6, .67)]],
    "I": [[(.1, 0), (.09, .5), (.1, 1)]],
    "L": [[(.04, 0), (.03, .5), (.02, .98), (.28, .99), (.54, .97)]],
    "M": [[(0, 1), (.05, .5), (.1, .02), (.25, .36), (.4, .7), (.55, .36), (.7, .02), (.76, .5), (.82, 1)]],
    "N": [[(.02, 1), (.03, .5), (.04, .01), (.24, .36), (.44, .7), (.62, .99), (.63, .5), (.64, 0)]],
    "O": [[(.4, 0), (.18, .08), (.03, .32), (.02, .6), (.14, .88), (.38, 1), (.62, .9), (.76, .62), (.74, .3), (.6, .07), (.4, 0)]],
    "Y": [[(0, 0), (.16, .26), (.32, .5)], [(.66, 0), (.5, .28), (.32, .52), (.3, .76), (.28, 1)]],
}


def chromium(folder, width=1280, height=900, dark=False, scale=1):
    """A browser whose profile is in this folder."""
    options = Options()
    options.binary_location = shutil.which("chromium")
    # The pages are our own; a chroot gives the browser's sandbox no namespaces.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--lang=en",
                     f"--user-data-dir={os.path.join(folder, 'chromium')}", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver"), log_path=os.path.join(folder, "chromedriver.log")))
    driver.set_script_timeout(PATIENCE)
    resize(driver, width, height, dark, scale)
    return driver


def resize(driver, width, height, dark=False, scale=1):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": scale,
                                                                  "mobile": width < 600})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})


def find(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def text(driver, selector):
    return find(driver, selector).text


def wait(driver, condition, seconds=PATIENCE):
    """What the condition gives once it is true."""
    return WebDriverWait(driver, seconds, 0.05, ignored_exceptions=(Exception,)).until(lambda _: condition())


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def log_in(driver, url, role, password):
    driver.get(url + "/login")
    find(driver, "#role").send_keys(role)
    find(driver, "#password").send_keys(password)
    find(driver, "#login button").click()
    wait(driver, lambda: driver.current_url.endswith("/write") and find(driver, "#who").text)


def write(driver, word, height=90, pause=8, pointer="mouse"):
    """Write a word on the canvas with a mouse, pen or finger (touch)."""
    canvas = find(driver, "#canvas").rect
    x, y = canvas["x"] + 40, canvas["y"] + (canvas["height"] - height) / 2
    for letter in word:
        for stroke in LETTERS[letter]:
            actions = ActionBuilder(driver, mouse=PointerInput(pointer, pointer), duration=pause)
            for i, (dx, dy) in enumerate(stroke):
                actions.pointer_action.move_to_location(round(x + dx * height), round(y + dy * height))
                if i == 0:
                    actions.pointer_action.pointer_down()
            actions.pointer_action.pointer_up()
            actions.perform()
        x += (max(px for stroke in LETTERS[letter] for px, _ in stroke) + .22) * height
